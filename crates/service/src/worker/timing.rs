//! When a policy has something done.

use crate::policy::{Policy, When};
use crate::queue::{Found, ModelRow, Urgency, Which};

/// The longest that a model with something pending is not looked at: releases may be made beside the
/// desk.
const LONGEST_REST: i64 = 30;

/// Whether a policy gathers requests: then only those count that bring something to forget.
pub(super) fn gathers(policy: &Policy) -> bool {
    policy.batch.at_least > 1
}

/// Whether what waits is answered now. Where requests are gathered, whether enough of them count is yet to
/// be found out.
pub(super) fn answers_now(policy: &Policy, found: &Found, now: i64) -> bool {
    found.waiting > 0
        && (found.waiting >= i64::from(policy.batch.at_least) || is_time(policy, found, now))
}

/// Whether it is answered by now, however little waits.
pub(super) fn is_time(policy: &Policy, found: &Found, now: i64) -> bool {
    found.waiting > 0 && now >= answers_at(policy, &found.urgency)
}

/// Which of those that bring nothing are seen to by now, if there are any.
pub(super) fn idle_now(policy: &Policy, found: &Found, now: i64) -> Option<Which> {
    let idle = found.idle.as_ref()?;
    (now >= answers_at(policy, idle)).then(|| Which::Idle {
        since: now.saturating_sub(policy.batch.wait_seconds.into()),
        due: match hurries(policy) {
            true => now.saturating_add(policy.deadline.hurry_seconds.into()),
            false => i64::MIN,
        },
    })
}

/// How far what waits has to be counted.
pub(super) fn counted_to(policy: &Policy) -> i64 {
    i64::from(policy.batch.at_least).max(1)
}

/// Where every batch makes a release, hurrying one is making one.
fn hurries(policy: &Policy) -> bool {
    policy.release.when != When::Each || policy.deadline.releases
}

/// When it is answered however little waits.
fn answers_at(policy: &Policy, waits: &Urgency) -> i64 {
    let aged = waits
        .oldest
        .saturating_add(policy.batch.wait_seconds.into());
    if !hurries(policy) {
        return aged;
    }
    let urgent = waits
        .due
        .saturating_sub(policy.deadline.hurry_seconds.into());
    aged.min(urgent)
}

/// Whether what was forgotten is released now.
pub(super) fn releases_now(model: &ModelRow, found: &Found, now: i64) -> bool {
    found.forgotten && now >= releases_at(model, found)
}

fn releases_at(model: &ModelRow, found: &Found) -> i64 {
    let policy = &model.policy;
    let urgent = found
        .forgotten_due
        .saturating_sub(policy.deadline.hurry_seconds.into());
    match policy.release.when {
        When::Each => 0,
        When::Scheduled => {
            let every = policy.release.every_seconds.into();
            let next = model.released_at.saturating_add(every);
            match policy.deadline.releases {
                true => next.min(urgent),
                false => next,
            }
        }
        When::Asked | When::Never => i64::MAX,
    }
}

/// When a model is to be looked at again, if nothing is received meanwhile.
pub(super) fn next_look(model: &ModelRow, found: &Found, now: i64) -> i64 {
    let mut next = now + LONGEST_REST;
    if found.waiting > 0 {
        next = next.min(answers_at(&model.policy, &found.urgency));
    }
    if let Some(idle) = &found.idle {
        next = next.min(answers_at(&model.policy, idle));
    }
    if found.forgotten {
        next = next.min(releases_at(model, found));
    }
    next.max(now + 1)
}

#[cfg(test)]
mod tests {
    use super::{answers_now, next_look, releases_now};
    use crate::policy::{Policy, When};
    use crate::queue::{Found, ModelRow, Urgency};

    const DAY: i64 = 86_400;

    fn model(text: &str) -> ModelRow {
        ModelRow {
            name: "m".to_owned(),
            folder: "run".into(),
            policy: serde_json::from_str::<Policy>(text).unwrap(),
            registered_at: 0,
            released_at: 0,
            released: 0,
            trouble: None,
            attempts: 0,
            next_try: 0,
            worker: None,
            lease_until: 0,
            outside: false,
            withdrawn_at: None,
            identity: None,
            answered: 0,
            ledger: None,
            woken: 0,
        }
    }

    fn found(waiting: i64, forgotten: bool) -> Found {
        Found {
            waiting,
            urgency: Urgency {
                oldest: 100,
                due: 30 * DAY,
            },
            idle: None,
            forgotten,
            forgotten_due: 30 * DAY,
        }
    }

    #[test]
    fn a_batch_waits_for_company_for_its_age_or_its_deadline() {
        let policy = r#"{"batch": {"at_least": 10, "wait_seconds": 86400}}"#;
        let policy = model(policy).policy;
        for (waiting, now, answered) in [
            (0, 40 * DAY, false),
            (9, 100, false),
            (10, 100, true),
            (1, 100 + DAY - 1, false),
            (1, 100 + DAY, true),
        ] {
            assert_eq!(
                answers_now(&policy, &found(waiting, false), now),
                answered,
                "{waiting} at {now}"
            );
        }
        let slow = r#"{"batch": {"at_least": 10, "wait_seconds": 31000000}}"#;
        let slow = model(slow).policy;
        assert!(!answers_now(&slow, &found(1, false), 27 * DAY - 1));
        assert!(answers_now(&slow, &found(1, false), 27 * DAY));
    }

    #[test]
    fn a_release_is_made_by_its_schedule_or_before_a_deadline() {
        let noise = r#""noise": {"by": "promise", "epsilon": 1, "delta": 1e-5}"#;
        let scheduled =
            format!(r#"{{"release": {{"when": "scheduled", "every_seconds": 604800, {noise}}}}}"#);
        let hurried = scheduled.replacen('{', r#"{"deadline": {"releases": true}, "#, 1);
        let (scheduled, hurried) = (model(&scheduled), model(&hurried));
        assert_eq!(scheduled.policy.release.when, When::Scheduled);
        assert!(!releases_now(&scheduled, &found(0, true), 7 * DAY - 1));
        assert!(releases_now(&scheduled, &found(0, true), 7 * DAY));
        assert!(!releases_now(&scheduled, &found(0, false), 7 * DAY));
        // Whoever asks says when it is due, and a release weakens everybody's promise.
        let late = |model: ModelRow| ModelRow {
            released_at: 26 * DAY,
            ..model
        };
        assert!(!releases_now(&late(scheduled), &found(0, true), 31 * DAY));
        assert!(releases_now(&late(hurried), &found(0, true), 27 * DAY));
        let each = format!(
            r#"{{"batch": {{"at_least": 10, "wait_seconds": 31000000}}, "release": {{"when": "each", {noise}}}}}"#
        );
        assert!(!answers_now(
            &model(&each).policy,
            &found(1, false),
            31 * DAY
        ));
        assert!(answers_now(&model(&each).policy, &found(10, false), 0));
        assert!(!releases_now(&model("{}"), &found(0, true), 40 * DAY));
    }

    #[test]
    fn a_model_is_looked_at_again_when_something_is_next() {
        let policy = model(r#"{"batch": {"at_least": 2, "wait_seconds": 10}}"#);
        assert_eq!(next_look(&policy, &found(1, false), 105), 110);
        assert_eq!(next_look(&policy, &found(0, true), 105), 135);
    }
}
