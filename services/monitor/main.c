/* liu-monitor: grades and matches alerts, suspends registrations, keeps incidents. */
#include "services/monitor/monitor.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &monitor_service);
}
