//! How often the tokens of an owner may call.

use crate::settings::Limits;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A bucket for every owner, which calls empty and time fills.
pub(crate) struct Limiter {
    limits: Limits,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Limiter {
    /// With these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buckets: Mutex::default(),
        }
    }

    /// Whether one may call now.
    pub fn allows(&self, owner: &str) -> bool {
        self.allows_at(owner, Instant::now())
    }

    fn allows_at(&self, owner: &str, now: Instant) -> bool {
        let most = f64::from(self.limits.burst);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(owner.to_owned()).or_insert(Bucket {
            left: most,
            at: now,
        });
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        let filled = bucket.left + since * f64::from(self.limits.calls_per_second);
        bucket.left = filled.min(most);
        bucket.at = now;
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;
    use crate::settings::Limits;
    use std::time::{Duration, Instant};

    #[test]
    fn an_owner_who_calls_too_often_waits_and_others_do_not() {
        let limits = Limits {
            calls_per_second: 2,
            burst: 3,
            ..Limits::default()
        };
        let (limiter, start) = (Limiter::new(limits), Instant::now());
        let calls = |owner: &str, at: Instant| {
            let allowed = (0..10).filter(|_| limiter.allows_at(owner, at));
            allowed.count()
        };
        assert_eq!(calls("a", start), 3);
        assert_eq!(calls("b", start), 3);
        assert_eq!(calls("a", start + Duration::from_secs(1)), 2);
        assert_eq!(calls("a", start + Duration::from_secs(60)), 3);
    }
}
