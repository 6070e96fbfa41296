/* Who may send what to intake: the table, and the service's life. */
#include "services/intake/intake.h"

#include <stdlib.h>

#include "ismap/liu/v1/event.pb-c.h"
#include "services/intake/shell.h"

#define OPERATOR ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
#define PROVIDER ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_PROVIDER)
#define MINISTRY ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_MINISTRY)
#define AUDIT_BODY ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_AUDIT_BODY)
#define OBSERVER ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OBSERVER)
#define EVERYONE                                                                                   \
    (OPERATOR | PROVIDER | MINISTRY | AUDIT_BODY | OBSERVER) /* feeds only push alerts */

#define CHANGE_SIGNED (ROW_CHANGES | ROW_SIGNED)

#define TYPE(name) &ismap__liu__v1__##name##__descriptor

static const struct dispatch_row rows[] = {
    {TYPE(add_party), OPERATOR, CHANGE_SIGNED, 0, NULL, intake_add_party},
    {TYPE(revoke_party), OPERATOR, CHANGE_SIGNED | ROW_RESERVE, 0, NULL, intake_revoke_party},
    {TYPE(list_parties), OPERATOR, 0, 0, NULL, intake_list_parties},

    {TYPE(submit_pre_application), PROVIDER, ROW_CHANGES | ROW_NEW_CASE, 0, NULL,
     intake_submit_pre_application},
    {TYPE(submit_assessment), MINISTRY, CHANGE_SIGNED, 0, NULL, intake_submit_assessment},
    {TYPE(get_case), OPERATOR | PROVIDER | MINISTRY, 0, 0, NULL, intake_get_case},
    {TYPE(list_cases), OPERATOR | PROVIDER | MINISTRY, 0, 0, NULL, intake_list_cases},
    {TYPE(list_waiting), OPERATOR | PROVIDER | MINISTRY, 0, 0, NULL, intake_list_waiting},

    {TYPE(submit_registration), PROVIDER, ROW_CHANGES, 0, NULL, intake_submit_registration},
    {TYPE(decide_registration), OPERATOR, CHANGE_SIGNED, 0, NULL, intake_decide_registration},
    {TYPE(withdraw_case), PROVIDER, CHANGE_SIGNED, 0, NULL, intake_withdraw_case},
    {TYPE(withdraw_registration), PROVIDER, CHANGE_SIGNED, 0, NULL, intake_withdraw_registration},
    {TYPE(cancel_registration), OPERATOR, CHANGE_SIGNED | ROW_RESERVE, 0, NULL,
     intake_cancel_registration},

    {TYPE(declare_use), MINISTRY, ROW_CHANGES, 0, NULL, intake_declare_use},
    {TYPE(list_registry), EVERYONE, 0, 0, NULL, intake_list_registry},
    {TYPE(get_registry_entry), EVERYONE, 0, 0, NULL, intake_get_registry_entry},
    {TYPE(query_procurable), EVERYONE, 0, 0, NULL, intake_query_procurable},
};

static const struct timer_row timers[] = {{TIMER_EXPIRE, intake_expire}};

static const struct view_row views[] = {
    {RECORD_PARTY, intake_party_changed, false},
    {RECORD_FEED, intake_feed_changed, false},
};

static enum err create(const struct service_env *env, void **state, struct err_text *why)
{
    (void)env;
    struct intake *s = calloc(1, sizeof *s);
    if (s == NULL || key_book_create(&s->keys) != ERR_OK) {
        free(s);
        return err_say(why, ERR_NOMEM,
                       "no memory for the view of keys; give the service more memory");
    }
    *state = s;
    return ERR_OK;
}

static void destroy(void *state)
{
    struct intake *s = state;
    if (s == NULL)
        return;
    key_book_destroy(s->keys);
    free(s);
}

const struct service intake_service = {
    .name = "intake",
    .main_fallback = "tcp://127.0.0.1:5701",
    .http_fallback = "127.0.0.1:9101",
    .rows = rows,
    .n_rows = sizeof rows / sizeof rows[0],
    .timers = timers,
    .n_timers = sizeof timers / sizeof timers[0],
    .views = views,
    .n_views = sizeof views / sizeof views[0],
    .create = create,
    .destroy = destroy,
};
