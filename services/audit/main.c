/* The audit service: plans of what is audited in which year, by whom. */
#include "services/audit/audit.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &audit_service);
}
