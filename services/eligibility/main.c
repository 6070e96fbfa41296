/* liu-eligibility: judges whether pre-applications fall under ISMAP-LIU. */
#include "services/eligibility/eligibility_service.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &eligibility_service);
}
