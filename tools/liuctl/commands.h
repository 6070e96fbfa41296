/* The functions behind the rows of the command table, by topic. */
#ifndef LIU_LIUCTL_COMMANDS_H
#define LIU_LIUCTL_COMMANDS_H

#include "liuctl/cli.h"

typedef int cli_run(struct cli *c, struct cli_args *a);

/* cmd_party.c */
cli_run cmd_keygen, cmd_party_add, cmd_party_list, cmd_party_revoke, cmd_feed_add, cmd_feed_list,
    cmd_feed_revoke;
/* cmd_case.c */
cli_run cmd_submit, cmd_assess, cmd_sheet_sign, cmd_case_show, cmd_case_list, cmd_waiting;
/* cmd_verdict.c */
cli_run cmd_verdict_show, cmd_verdict_confirm, cmd_verdict_replay, cmd_targets_show,
    cmd_rulebook_check, cmd_rulebook_activate;
/* cmd_withdraw.c */
cli_run cmd_case_withdraw, cmd_registry_withdraw, cmd_registry_cancel;
/* cmd_registry.c */
cli_run cmd_plan_show, cmd_register, cmd_registry_decide, cmd_use_declare, cmd_registry_list,
    cmd_registry_show, cmd_registry_procurable;
/* cmd_plan.c */
cli_run cmd_plan_make, cmd_plan_check;
/* cmd_plan_statement.c */
cli_run cmd_plan_statement;
/* cmd_plan_quote.c */
cli_run cmd_plan_quote;
/* cmd_plan_files.c */
cli_run cmd_plan_export, cmd_plan_diff;
/* cmd_audit.c */
cli_run cmd_audit_draft, cmd_audit_submit, cmd_audit_get, cmd_audit_show, cmd_audit_problems,
    cmd_audit_resolve;
/* cmd_scope.c */
cli_run cmd_change_submit, cmd_change_show, cmd_audit_scope, cmd_audit_state, cmd_incident_affects;
/* cmd_replan.c */
cli_run cmd_plan_replan, cmd_plan_revisions;
int cli_replan_watch(struct cli *c, bool follow);
/* cmd_catalogue.c */
cli_run cmd_catalogue_put, cmd_catalogue_activate, cmd_catalogue_list, cmd_catalogue_diff;
/* cmd_alert.c */
cli_run cmd_alert_push, cmd_incident_show, cmd_incident_list, cmd_incident_confirm,
    cmd_incident_lift, cmd_incident_suspend;
/* cmd_events.c */
cli_run cmd_events_follow;
/* cmd_store.c */
cli_run cmd_store_init, cmd_store_migrate, cmd_store_confirm;
/* cmd_recover.c */
cli_run cmd_store_recover;
/* cmd_journal.c */
cli_run cmd_journal_tail, cmd_journal_rebuild;
/* cmd_quarantine.c */
cli_run cmd_journal_quarantined, cmd_journal_requeue, cmd_journal_discard;
/* cmd_backup.c, cmd_restore.c */
cli_run cmd_backup, cmd_restore;
/* cmd_drill.c */
cli_run cmd_drill;
/* cmd_archive.c */
cli_run cmd_archive_check;
/* cmd_retention.c */
cli_run cmd_retention_show;
/* cmd_receipts.c */
cli_run cmd_journal_check;
/* cmd_status.c */
cli_run cmd_status;
/* cmd_doors.c */
cli_run cmd_doors;

/* cmd_shell.c */
cli_run cmd_completion, cmd_manual;
/* main.c; what help and the manual page say */
const char *cli_options_text(const struct cli *c);
const char *cli_exit_text(const struct cli *c);
/* cmd_call.c */
cli_run cmd_health, cmd_version, cmd_call;

#endif
