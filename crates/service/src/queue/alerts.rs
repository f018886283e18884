//! What operators are told. Requests can make many alerts of a kind: they are gathered, so that one waits
//! while another is on its way, and none of another kind waits for them.

use super::callbacks::{behind, enqueue, put_body};
use crate::clock::{now, rfc3339};
use crate::error::ServiceError;
use crate::secret::{Of, Secret};
use crate::store::{Connection, unexpected};
use serde::{Deserialize, Serialize};

/// An alert, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
struct Alert {
    /// What happened.
    event: String,
    /// To which model or request: the last, of several.
    object: String,
    /// More of it: of the last, of several.
    detail: String,
    /// How often, since the alert of this kind before it was sent.
    #[serde(default = "once")]
    count: u64,
    at: String,
}

fn once() -> u64 {
    1
}

impl Alert {
    fn read(text: &str) -> Result<Self, ServiceError> {
        serde_json::from_str(text).map_err(|_| unexpected("an alert"))
    }

    fn text(&self) -> Result<String, ServiceError> {
        Ok(serde_json::to_string(self).map_err(rescind::Error::Document)?)
    }
}

/// Tells operators of something that they may have to see to. Of one kind, and of one model, an alert waits
/// until the one before is heard, and counts what comes meanwhile.
pub(crate) fn enqueue_alert(
    connection: &mut Connection,
    secret: &Secret,
    url: Option<&str>,
    event: &str,
    object: &str,
    detail: &str,
) -> Result<(), ServiceError> {
    let Some(url) = url else {
        return Ok(());
    };
    // Models are few, requests are as many as somebody likes.
    let of = match event {
        "due_soon" => "",
        _ => object,
    };
    let way = secret.hash(Of::Way, format!("{event} {of} {url}").as_bytes());
    let mut alert = Alert {
        event: event.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
        count: once(),
        at: rfc3339(now()),
    };
    match behind(connection, &way)? {
        Some((id, waits)) => {
            alert.count += Alert::read(&waits)?.count;
            put_body(connection, &id, &alert.text()?)
        }
        None => enqueue(connection, secret, None, (url, &way), &alert.text()?),
    }
}

#[cfg(test)]
mod tests {
    use super::{Alert, enqueue_alert};
    use crate::queue::{Callback, due_callbacks, settle_callback};
    use crate::secret::Secret;
    use crate::store::{Connection, Place, Store};

    #[test]
    fn alerts_of_a_kind_are_gathered_and_keep_no_other_waiting() {
        let place = tempfile::tempdir().unwrap();
        let secret = Secret::open_or_make(place.path()).unwrap();
        let at = Place::File(place.path().join("desk.sqlite"));
        drop(Store::open(&at, |_| Ok(())).unwrap());
        let mut db = Connection::open(&at).unwrap();
        let alert = |db: &mut Connection, event: &str, object: &str, detail: &str| {
            let url = Some("http://localhost/");
            enqueue_alert(db, &secret, url, event, object, detail).unwrap();
        };
        let due = |db: &mut Connection| {
            let due = due_callbacks(db, &secret, None, 100).unwrap().into_iter();
            due.map(|callback| (Alert::read(&callback.body).unwrap(), callback))
                .collect::<Vec<_>>()
        };
        let settle = |db: &mut Connection, callback: &Callback, heard| {
            settle_callback(db, &secret, &callback.id, callback.attempts, heard).unwrap();
        };
        for request in 0..50 {
            alert(&mut db, "held", "one", &format!("request {request}"));
            alert(&mut db, "due_soon", &format!("{request}"), "tomorrow");
        }
        alert(&mut db, "model_in_trouble", "one", "no_run");
        alert(&mut db, "held", "two", "request 7");
        let first = due(&mut db);
        let mut told: Vec<_> = first
            .iter()
            .map(|(alert, _)| (&*alert.event, &*alert.object, alert.count))
            .collect();
        told.sort_unstable();
        let expected = [
            ("due_soon", "0", 1),
            ("held", "one", 1),
            ("held", "two", 1),
            ("model_in_trouble", "one", 1),
        ];
        assert_eq!(told, expected);
        for (alert, callback) in &first {
            let heard = match &*alert.event {
                // It gives way to what waits behind it, and is counted there.
                "due_soon" => Err("not reached"),
                _ => Ok(()),
            };
            settle(&mut db, callback, heard);
        }
        let next = due(&mut db);
        let [(held, callback)] = &next[..] else {
            panic!("{next:?}");
        };
        assert_eq!((&*held.detail, held.count), ("request 49", 49));
        settle(&mut db, callback, Ok(()));
        db.change(
            "UPDATE callbacks SET next_try = 0 WHERE done_at IS NULL",
            &[],
        )
        .unwrap();
        let last = due(&mut db);
        let [(soon, callback)] = &last[..] else {
            panic!("{last:?}");
        };
        assert_eq!((&*soon.object, soon.count), ("49", 50));
        settle(&mut db, callback, Ok(()));
        // All was heard: the next is at once.
        alert(&mut db, "held", "one", "request 50");
        assert_eq!(due(&mut db)[0].0.count, 1);
    }
}
