/* The ledger: the journal into files, and what is in files out of Redis. */
#include "services/ledger/ledger.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &ledger_service);
}
