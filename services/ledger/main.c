/* The ledger: the journal into files, and what is in files out of Redis. */
#include "services/ledger/archiver.h"
#include "services/ledger/ledger.h"

int main(int argc, char **argv)
{
    archiver_step_back(5); /* the threads that follow inherit it */
    return service_main(argc, argv, &ledger_service);
}
