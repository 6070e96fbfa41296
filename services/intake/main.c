/* The intake service: applications, assessments, registrations, uses, and who may speak. */
#include "services/intake/intake.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &intake_service);
}
