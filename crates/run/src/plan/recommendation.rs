//! What to do, in words.

use super::comparison::{MethodPlan, PlanRequest};

/// Test accuracy that may be lost before a method is out of the question.
const MAY_LOSE: f64 = 0.01;

/// The cheapest method that keeps promise and accuracy.
pub(super) fn of(asked: &PlanRequest, accuracy: f64, methods: &[MethodPlan]) -> String {
    let retraining = methods
        .iter()
        .find(|plan| plan.kind.is_none() && plan.refused.is_none());
    let seconds = retraining.map_or(f64::INFINITY, |plan| plan.seconds);
    let keeps = |plan: &&MethodPlan| {
        let useful = plan
            .accuracy
            .is_some_and(|kept| kept >= accuracy - MAY_LOSE);
        plan.kind.is_some() && plan.refused.is_none() && useful
    };
    let faster = |plan: &&MethodPlan| plan.seconds < seconds;
    let cheapest = methods
        .iter()
        .filter(keeps)
        .filter(faster)
        .min_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let (epsilon, delta) = (asked.epsilon, asked.delta);
    match cheapest {
        Some(plan) => {
            let share = 100.0 * plan.seconds / seconds;
            format!(
                "{}: it keeps epsilon = {epsilon} at delta = {delta}, is predicted to keep the \
                 accuracy to within a point, and takes about {share:.0} % of retraining's time.",
                plan.method
            )
        }
        None => {
            let convex = methods.iter().any(|plan| plan.method == "descent");
            let often = match convex {
                true => {
                    "train to a smaller gradient (rescind train --until-gradient), whose bound needs \
                     less noise"
                }
                false => {
                    "train a tangent model or a convex head (rescind train --tangent, --head), whose \
                     bound is small enough for noise that nobody notices"
                }
            };
            format!(
                "retrain: no method here is predicted to keep epsilon = {epsilon} at delta = {delta} \
                 together with the accuracy in less time. If such requests come often, {often}, or \
                 ask for a larger epsilon."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rescind_privacy::sensitivity::GuaranteeKind;

    fn plan(method: &str, accuracy: Option<f64>, seconds: f64) -> MethodPlan {
        MethodPlan {
            method: method.to_owned(),
            kind: (method != "retrain").then_some(GuaranteeKind::Proved),
            sensitivity: None,
            sigma: None,
            refused: None,
            accuracy,
            seconds,
            how: String::new(),
        }
    }

    fn recommended(methods: &[MethodPlan]) -> String {
        let asked = PlanRequest {
            records: vec!["random:1".parse().unwrap()],
            epsilon: 1.0,
            delta: 1e-5,
        };
        of(&asked, 0.97, methods)
    }

    #[test]
    fn the_cheapest_that_keeps_promise_and_accuracy_is_recommended() {
        let retrain = plan("retrain", Some(0.97), 10.0);
        let mut methods = vec![
            plan("quick but poor", Some(0.95), 1.0),
            plan("slower", Some(0.965), 5.0),
            plan("good", Some(0.961), 2.0),
            plan("unknown", None, 0.5),
            retrain,
        ];
        let text = recommended(&methods);
        assert!(
            text.starts_with("good: ") && text.contains("20 %"),
            "{text}"
        );
        methods[2].refused = Some("noise".to_owned());
        assert!(recommended(&methods).starts_with("slower: "));
        methods[1].seconds = 10.5;
        let text = recommended(&methods);
        assert!(
            text.starts_with("retrain: ") && text.contains("--tangent"),
            "{text}"
        );
        // What is convex already is not told to become so.
        methods[1].method = "descent".to_owned();
        let text = recommended(&methods);
        assert!(
            !text.contains("--tangent") && text.contains("--until-gradient"),
            "{text}"
        );
    }
}
