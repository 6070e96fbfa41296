/* Every message of the package by its full name. A message added to proto/ is added here: a test
 * reads the .proto files and says which one is missing. */
#include "wire/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"

/* sorted by name, byte by byte */
static const ProtobufCMessageDescriptor *const types[] = {
    &ismap__liu__v1__activate_rulebook__descriptor,
    &ismap__liu__v1__active__descriptor,
    &ismap__liu__v1__add_feed__descriptor,
    &ismap__liu__v1__add_party__descriptor,
    &ismap__liu__v1__alarm__descriptor,
    &ismap__liu__v1__alarm_rang__descriptor,
    &ismap__liu__v1__alert__descriptor,
    &ismap__liu__v1__alert_outcome__descriptor,
    &ismap__liu__v1__alerts_taken__descriptor,
    &ismap__liu__v1__assessment__descriptor,
    &ismap__liu__v1__assessment_accepted__descriptor,
    &ismap__liu__v1__assessment_recorded__descriptor,
    &ismap__liu__v1__audit_ceiling__descriptor,
    &ismap__liu__v1__audit_effort__descriptor,
    &ismap__liu__v1__audit_finding__descriptor,
    &ismap__liu__v1__audit_mode_rule__descriptor,
    &ismap__liu__v1__audit_plan__descriptor,
    &ismap__liu__v1__audit_problem__descriptor,
    &ismap__liu__v1__audit_problem_found__descriptor,
    &ismap__liu__v1__audit_problem_list__descriptor,
    &ismap__liu__v1__audit_problem_resolved__descriptor,
    &ismap__liu__v1__audit_report__descriptor,
    &ismap__liu__v1__audit_report_recorded__descriptor,
    &ismap__liu__v1__audit_results__descriptor,
    &ismap__liu__v1__audit_rules__descriptor,
    &ismap__liu__v1__audit_standing__descriptor,
    &ismap__liu__v1__audit_standing_answer__descriptor,
    &ismap__liu__v1__audited_control__descriptor,
    &ismap__liu__v1__audited_item__descriptor,
    &ismap__liu__v1__base_service__descriptor,
    &ismap__liu__v1__brake__descriptor,
    &ismap__liu__v1__business_claim__descriptor,
    &ismap__liu__v1__case__descriptor,
    &ismap__liu__v1__case_list__descriptor,
    &ismap__liu__v1__case_opened__descriptor,
    &ismap__liu__v1__case_submitted__descriptor,
    &ismap__liu__v1__case_view__descriptor,
    &ismap__liu__v1__catalogue__descriptor,
    &ismap__liu__v1__cia_effect__descriptor,
    &ismap__liu__v1__citation__descriptor,
    &ismap__liu__v1__confirm_incident__descriptor,
    &ismap__liu__v1__confirm_verdict__descriptor,
    &ismap__liu__v1__confirmation__descriptor,
    &ismap__liu__v1__control_item__descriptor,
    &ismap__liu__v1__cursor__descriptor,
    &ismap__liu__v1__decide_registration__descriptor,
    &ismap__liu__v1__declare_use__descriptor,
    &ismap__liu__v1__document_ref__descriptor,
    &ismap__liu__v1__eligibility_rules__descriptor,
    &ismap__liu__v1__envelope__descriptor,
    &ismap__liu__v1__event__descriptor,
    &ismap__liu__v1__event_quarantined__descriptor,
    &ismap__liu__v1__events__descriptor,
    &ismap__liu__v1__family_usage__descriptor,
    &ismap__liu__v1__feed__descriptor,
    &ismap__liu__v1__feed_heard__descriptor,
    &ismap__liu__v1__feed_lane__descriptor,
    &ismap__liu__v1__feed_list__descriptor,
    &ismap__liu__v1__fetch_events__descriptor,
    &ismap__liu__v1__finding__descriptor,
    &ismap__liu__v1__get_audit_report__descriptor,
    &ismap__liu__v1__get_audit_standing__descriptor,
    &ismap__liu__v1__get_case__descriptor,
    &ismap__liu__v1__get_health__descriptor,
    &ismap__liu__v1__get_incident__descriptor,
    &ismap__liu__v1__get_plan__descriptor,
    &ismap__liu__v1__get_plan_revisions__descriptor,
    &ismap__liu__v1__get_registry_entry__descriptor,
    &ismap__liu__v1__get_targets__descriptor,
    &ismap__liu__v1__get_verdict__descriptor,
    &ismap__liu__v1__grade_row__descriptor,
    &ismap__liu__v1__health__descriptor,
    &ismap__liu__v1__hold__descriptor,
    &ismap__liu__v1__hold_change__descriptor,
    &ismap__liu__v1__id_reused__descriptor,
    &ismap__liu__v1__important_control__descriptor,
    &ismap__liu__v1__incident__descriptor,
    &ismap__liu__v1__incident_answer__descriptor,
    &ismap__liu__v1__incident_list__descriptor,
    &ismap__liu__v1__incident_opened__descriptor,
    &ismap__liu__v1__incident_rules__descriptor,
    &ismap__liu__v1__incident_source__descriptor,
    &ismap__liu__v1__incident_step__descriptor,
    &ismap__liu__v1__information_item__descriptor,
    &ismap__liu__v1__internal_report_reminded__descriptor,
    &ismap__liu__v1__journal_entry__descriptor,
    &ismap__liu__v1__judgment__descriptor,
    &ismap__liu__v1__kept_plan__descriptor,
    &ismap__liu__v1__key_holder__descriptor,
    &ismap__liu__v1__lift_suspension__descriptor,
    &ismap__liu__v1__list_audit_problems__descriptor,
    &ismap__liu__v1__list_cases__descriptor,
    &ismap__liu__v1__list_feeds__descriptor,
    &ismap__liu__v1__list_incidents__descriptor,
    &ismap__liu__v1__list_parties__descriptor,
    &ismap__liu__v1__list_registry__descriptor,
    &ismap__liu__v1__list_waiting__descriptor,
    &ismap__liu__v1__listing__descriptor,
    &ismap__liu__v1__listing_rules__descriptor,
    &ismap__liu__v1__open_finding__descriptor,
    &ismap__liu__v1__overdue_objective__descriptor,
    &ismap__liu__v1__party__descriptor,
    &ismap__liu__v1__party_changed__descriptor,
    &ismap__liu__v1__party_keys__descriptor,
    &ismap__liu__v1__party_list__descriptor,
    &ismap__liu__v1__plan_basis__descriptor,
    &ismap__liu__v1__plan_certificate__descriptor,
    &ismap__liu__v1__plan_cover__descriptor,
    &ismap__liu__v1__plan_exclusion__descriptor,
    &ismap__liu__v1__plan_inherited__descriptor,
    &ismap__liu__v1__plan_item__descriptor,
    &ismap__liu__v1__plan_made__descriptor,
    &ismap__liu__v1__plan_move__descriptor,
    &ismap__liu__v1__plan_operator__descriptor,
    &ismap__liu__v1__plan_revised__descriptor,
    &ismap__liu__v1__plan_revision__descriptor,
    &ismap__liu__v1__plan_revisions__descriptor,
    &ismap__liu__v1__plan_trigger__descriptor,
    &ismap__liu__v1__planned_item__descriptor,
    &ismap__liu__v1__procurable__descriptor,
    &ismap__liu__v1__push_alerts__descriptor,
    &ismap__liu__v1__quarantined__descriptor,
    &ismap__liu__v1__query_procurable__descriptor,
    &ismap__liu__v1__question__descriptor,
    &ismap__liu__v1__question_answer__descriptor,
    &ismap__liu__v1__receipt__descriptor,
    &ismap__liu__v1__receipt_step__descriptor,
    &ismap__liu__v1__record_key__descriptor,
    &ismap__liu__v1__record_put__descriptor,
    &ismap__liu__v1__recorded_assessment__descriptor,
    &ismap__liu__v1__registration_applied__descriptor,
    &ismap__liu__v1__registration_decided__descriptor,
    &ismap__liu__v1__registration_received__descriptor,
    &ismap__liu__v1__registry__descriptor,
    &ismap__liu__v1__registry_entry__descriptor,
    &ismap__liu__v1__replan_case__descriptor,
    &ismap__liu__v1__replan_reason__descriptor,
    &ismap__liu__v1__replan_started__descriptor,
    &ismap__liu__v1__replay_result__descriptor,
    &ismap__liu__v1__replay_verdict__descriptor,
    &ismap__liu__v1__reply__descriptor,
    &ismap__liu__v1__report_recorded__descriptor,
    &ismap__liu__v1__resolve_audit_problem__descriptor,
    &ismap__liu__v1__revoke_feed__descriptor,
    &ismap__liu__v1__revoke_party__descriptor,
    &ismap__liu__v1__rulebook__descriptor,
    &ismap__liu__v1__rulebook_activated__descriptor,
    &ismap__liu__v1__rulebook_active__descriptor,
    &ismap__liu__v1__service_description__descriptor,
    &ismap__liu__v1__service_identity__descriptor,
    &ismap__liu__v1__service_ref__descriptor,
    &ismap__liu__v1__service_users__descriptor,
    &ismap__liu__v1__shortfall__descriptor,
    &ismap__liu__v1__signed_assessment__descriptor,
    &ismap__liu__v1__signing_key__descriptor,
    &ismap__liu__v1__skipped_control__descriptor,
    &ismap__liu__v1__store_initialised__descriptor,
    &ismap__liu__v1__submit_assessment__descriptor,
    &ismap__liu__v1__submit_audit_report__descriptor,
    &ismap__liu__v1__submit_internal_report__descriptor,
    &ismap__liu__v1__submit_pre_application__descriptor,
    &ismap__liu__v1__submit_registration__descriptor,
    &ismap__liu__v1__suspend_service__descriptor,
    &ismap__liu__v1__suspension_imposed__descriptor,
    &ismap__liu__v1__suspension_lifted__descriptor,
    &ismap__liu__v1__taken_batch__descriptor,
    &ismap__liu__v1__target_business__descriptor,
    &ismap__liu__v1__target_list__descriptor,
    &ismap__liu__v1__target_list_changed__descriptor,
    &ismap__liu__v1__upkeep__descriptor,
    &ismap__liu__v1__use__descriptor,
    &ismap__liu__v1__use_declared__descriptor,
    &ismap__liu__v1__use_recorded__descriptor,
    &ismap__liu__v1__verdict__descriptor,
    &ismap__liu__v1__verdict_changed__descriptor,
    &ismap__liu__v1__violation__descriptor,
    &ismap__liu__v1__year_load__descriptor,
    &ismap__liu__v1__year_report__descriptor,
};

size_t wire_type_count(void)
{
    return sizeof types / sizeof types[0];
}

const ProtobufCMessageDescriptor *wire_type_at(size_t i)
{
    return types[i];
}

static int compare_name(const void *key, const void *row)
{
    const ProtobufCMessageDescriptor *const *d = row;
    return strcmp(key, (*d)->name);
}

const ProtobufCMessageDescriptor *wire_type(const char *full_name)
{
    const ProtobufCMessageDescriptor *const *d =
        bsearch(full_name, types, wire_type_count(), sizeof types[0], compare_name);
    return d == NULL ? NULL : *d;
}
