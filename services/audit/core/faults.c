/* A bounded list: a broken file of a thousand lines must not cost a thousand texts. */
#include "services/audit/core/faults.h"

void audit_fault_add(struct audit_faults *f, struct arena *a, uint32_t line, const char *field,
                     const char *rule, const char *ja, const char *en)
{
    if (f->n < AUDIT_FAULTS_MAX) {
        const char *copy = arena_strdup(a, field);
        f->items[f->n] = (struct audit_fault){.line = line,
                                              .field = copy != NULL ? copy : "?",
                                              .rule = rule,
                                              .ja = ja != NULL ? ja : "メモリー不足",
                                              .en = en != NULL ? en : "no memory"};
    }
    f->n++;
}

size_t audit_faults_kept(const struct audit_faults *f)
{
    return f->n < AUDIT_FAULTS_MAX ? f->n : AUDIT_FAULTS_MAX;
}
