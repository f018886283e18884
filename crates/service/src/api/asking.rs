//! What a request looks like as it comes, in OpenDSR's words where it has some.

use super::problem::Problem;
use crate::clock::{now, seconds};
use crate::queue::{Named, Received};
use crate::token::Bearer;
use rescind::Code;
use rescind_data::RecordRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person or records to forget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whom {
    /// Names of one person: every registered model forgets what it learned under any of them.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub subject_identities: Vec<Identity>,
    /// Records of single models.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub records: Vec<RecordsOf>,
}

/// One of a person's names, as the subject column of a model's records has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// What kind of name it is, such as `controller_customer_id`: for people, and not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<String>,
    /// The name itself.
    #[schema(min_length = 1, max_length = 1000)]
    pub identity_value: String,
    /// `raw` alone is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_format: Option<IdentityFormat>,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentityFormat {
    /// As it is.
    Raw,
}

/// Records of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordsOf {
    /// The model.
    pub model: String,
    /// Positions (`3,17,20-29`), `line:` and lines of a table, or `hash:` and a record's hash.
    #[schema(min_length = 1, max_length = 10_000, example = "3,17,20-29")]
    pub records: String,
}

/// A deletion request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRequest {
    /// The caller's own name for it, a UUID: asked again under the same, the same request is not
    /// received twice. (The header `Idempotency-Key` does the same with any name.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub subject_request_id: Option<String>,
    /// `erasure` alone is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_request_type: Option<RequestType>,
    /// The regulation it is made under: it decides when it is due, unless that is said.
    #[serde(default)]
    pub regulation: Regulation,
    /// When the person asked: RFC 3339, UTC; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub submitted_time: Option<String>,
    /// By when it is to be done: RFC 3339, UTC; absent: 30 days after it was submitted, and 45 under
    /// the CCPA. A time sooner than a day from now is taken for that; one later than 92 days after it was
    /// submitted, 90 under the CCPA, is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub due_time: Option<String>,
    /// Names of one person.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub subject_identities: Vec<Identity>,
    /// Records of single models.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub records: Vec<RecordsOf>,
    /// Addresses that are told whenever it stands otherwise: `https://`, or `http://` on this machine. Each
    /// is told once, in order; where it is slow to hear, only how the request stands by then.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub status_callback_urls: Vec<String>,
    /// The version of OpenDSR that the caller speaks: not looked at.
    #[serde(default, skip_serializing)]
    pub api_version: Option<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestType {
    /// To be forgotten.
    Erasure,
}

/// The regulation that a request is made under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Regulation {
    /// GDPR Art. 17: within a month (Art. 12(3)).
    #[default]
    Gdpr,
    /// California's rules: within 45 days.
    Ccpa,
    /// Another, or none.
    Other,
}

impl Regulation {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gdpr => "gdpr",
            Self::Ccpa => "ccpa",
            Self::Other => "other",
        }
    }

    /// With every extension that it allows.
    fn days_at_most(self) -> i64 {
        match self {
            // Two further months (Art. 12(3)).
            Self::Gdpr => 92,
            // 45 further days.
            Self::Ccpa => 90,
            Self::Other => 3660,
        }
    }

    fn days(self) -> i64 {
        match self {
            Self::Gdpr | Self::Other => 30,
            Self::Ccpa => 45,
        }
    }
}

const DAY: i64 = 86_400;
/// The soonest that a caller can have a request due.
const SOONEST: i64 = DAY;
/// The longest ago that a person can have asked.
const LONGEST_AGO: i64 = 3660 * DAY;

fn unusable(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Setting, detail)
}

impl Whom {
    /// Everything it names, its form checked.
    pub fn named(&self) -> Result<Named, Problem> {
        if self.subject_identities.is_empty() && self.records.is_empty() {
            return Err(Problem::new(
                Code::RequestEmpty,
                "the request names nobody: give subject_identities, or records of a model",
            ));
        }
        if self.subject_identities.len() > 100 || self.records.len() > 100 {
            return Err(unusable(
                "more than 100 names or lists of records: ask in several requests",
            ));
        }
        let mut named = Named::default();
        for identity in &self.subject_identities {
            let name = &identity.identity_value;
            check_name(name)?;
            named.subjects.push(name.clone());
        }
        named.subjects.sort_unstable();
        named.subjects.dedup();
        for records in &self.records {
            if records.records.len() > 10_000 {
                return Err(unusable(
                    "records of a model are more than 10 000 characters: ask in several requests",
                ));
            }
            let asked = records.records.parse::<RecordRequest>();
            let asked = asked
                .map_err(|error| Problem::new(Code::RequestSyntax, format!("records: {error}")))?;
            if !matches!(
                asked,
                RecordRequest::Positions(_) | RecordRequest::Lines(_) | RecordRequest::Hash(_)
            ) {
                return Err(unusable(
                    "records are named by positions, lines (line:…) or hashes (hash:…); people by \
                     subject_identities",
                ));
            }
            named
                .records
                .entry(records.model.clone())
                .or_default()
                .push(asked);
        }
        Ok(named)
    }
}

impl NewRequest {
    /// The request, its form checked, under this name, of whoever sent it.
    pub fn received(
        &self,
        id: String,
        bearer: &Bearer,
        key: Option<String>,
    ) -> Result<Received, Problem> {
        let whom = Whom {
            subject_identities: self.subject_identities.clone(),
            records: self.records.clone(),
        };
        if let Some(id) = &self.subject_request_id
            && !is_uuid(id)
        {
            return Err(unusable(
                "subject_request_id is no UUID: it stands in answers and callbacks, so it must name \
                 nobody; the header Idempotency-Key takes any name",
            ));
        }
        let now = now();
        let time = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => seconds(text).map(Some).ok_or_else(|| {
                unusable(format!(
                    "{name} is no time: expected RFC 3339 in UTC, such as 2026-03-01T12:00:00Z"
                ))
            }),
        };
        let submitted_at = time("submitted_time", &self.submitted_time)?.unwrap_or(now);
        if submitted_at > now + DAY {
            return Err(unusable("submitted_time is in the future"));
        }
        if submitted_at < now - LONGEST_AGO {
            return Err(unusable("submitted_time is more than ten years ago"));
        }
        let due = time("due_time", &self.due_time)?;
        let latest = submitted_at + DAY * self.regulation.days_at_most();
        if due.is_some_and(|due| due > latest.max(now + SOONEST)) {
            return Err(unusable(format!(
                "due_time is later than the regulation allows: expected {} days after submitted_time at \
                 most",
                self.regulation.days_at_most()
            )));
        }
        if self.submitted_time.is_some() && due.is_some_and(|due| due < submitted_at) {
            return Err(unusable("due_time is before submitted_time"));
        }
        // A wish that nobody can meet is no reason to hurry; nor is it to be refused, as the same request
        // asked again later is the same.
        let due = due.map(|due| due.max(now + SOONEST));
        let due_at = due.unwrap_or(submitted_at + DAY * self.regulation.days());
        if self.status_callback_urls.len() > 10 {
            return Err(unusable("more than 10 status_callback_urls"));
        }
        for url in &self.status_callback_urls {
            check_callback(url)?;
        }
        let content = serde_json::to_vec(self).map_err(rescind::Error::Document)?;
        Ok(Received {
            id,
            owner: bearer.owner.clone(),
            actor: bearer.actor(),
            subject_request_id: self.subject_request_id.clone(),
            key: key.or_else(|| self.subject_request_id.clone()),
            content,
            regulation: self.regulation.as_str().to_owned(),
            submitted_at,
            due_at,
            named: whom.named()?,
            callbacks: each_once(&self.status_callback_urls),
        })
    }
}

/// Nobody is told the same twice.
fn each_once(urls: &[String]) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for url in urls {
        if !once.contains(url) {
            once.push(url.clone());
        }
    }
    once
}

/// Refuses what cannot be a person's name in any model.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    match (1..=1000).contains(&name.chars().count()) && !name.trim().is_empty() {
        true => Ok(()),
        false => Err(unusable(
            "an identity_value is empty or longer than 1000 characters",
        )),
    }
}

/// Refuses addresses that would be told in the clear, but for this machine's.
pub(crate) fn check_callback(url: &str) -> Result<(), Problem> {
    let parsed = url.parse::<axum::http::Uri>().ok();
    let host = parsed.as_ref().and_then(|uri| uri.host());
    let here = host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    let allowed = match parsed.as_ref().and_then(|uri| uri.scheme_str()) {
        Some("https") => host.is_some(),
        Some("http") => here,
        _ => false,
    };
    match allowed && url.len() <= 2000 {
        true => Ok(()),
        false => Err(unusable(
            "a callback's address is not usable: expected https:// and a host (http:// on this \
             machine alone), at most 2000 characters",
        )),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12]) && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{NewRequest, check_callback, is_uuid};
    use crate::token::{Bearer, Role};

    fn bearer() -> Bearer {
        Bearer {
            token: "t".to_owned(),
            owner: "o".to_owned(),
            role: Role::Requester,
        }
    }

    fn refused(text: &str) -> String {
        let request: NewRequest = serde_json::from_str(text).unwrap();
        let refused = request.received("id".to_owned(), &bearer(), None);
        refused.err().unwrap().code
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_code() {
        let person = r#""subject_identities": [{"identity_value": "p"}]"#;
        for (text, code) in [
            ("{}".to_owned(), "request_empty"),
            (
                r#"{"subject_identities": [{"identity_value": " "}]}"#.to_owned(),
                "setting",
            ),
            (
                format!(r#"{{{person}, "subject_request_id": "a@b.example"}}"#),
                "setting",
            ),
            (format!(r#"{{{person}, "due_time": "soon"}}"#), "setting"),
            (
                format!(r#"{{{person}, "submitted_time": "9000-01-01T00:00:00Z"}}"#),
                "setting",
            ),
            (
                format!(r#"{{{person}, "submitted_time": "1970-01-01T00:00:00Z"}}"#),
                "setting",
            ),
            (
                format!(r#"{{{person}, "due_time": "9999-01-01T00:00:00Z"}}"#),
                "setting",
            ),
            (
                format!(
                    r#"{{{person}, "submitted_time": "2026-01-02T00:00:00Z", "due_time": "2026-01-01T00:00:00Z"}}"#
                ),
                "setting",
            ),
            (
                format!(r#"{{{person}, "status_callback_urls": ["http://far.example/"]}}"#),
                "setting",
            ),
            (
                r#"{"records": [{"model": "m", "records": "random:3"}]}"#.to_owned(),
                "setting",
            ),
            (
                r#"{"records": [{"model": "m", "records": "class:3"}]}"#.to_owned(),
                "setting",
            ),
            (
                r#"{"records": [{"model": "m", "records": "3-"}]}"#.to_owned(),
                "request_syntax",
            ),
        ] {
            assert_eq!(refused(&text), code, "{text}");
        }
    }

    #[test]
    fn a_request_is_due_when_its_regulation_says() {
        let day = 86_400;
        for (regulation, days) in [("gdpr", 30), ("ccpa", 45), ("other", 30)] {
            let text = format!(
                r#"{{"subject_identities": [{{"identity_value": "p"}}], "regulation": "{regulation}",
                    "submitted_time": "2026-01-01T00:00:00Z"}}"#
            );
            let request: NewRequest = serde_json::from_str(&text).unwrap();
            let received = request.received("id".to_owned(), &bearer(), None).unwrap();
            assert_eq!(received.due_at - received.submitted_at, days * day);
        }
    }

    #[test]
    fn only_addresses_that_are_told_in_secret_are_taken() {
        for (url, taken) in [
            ("https://shop.example/hook", true),
            ("http://127.0.0.1:9/hook", true),
            ("http://localhost/", true),
            ("http://localhost.evil.example/", false),
            ("http://shop.example/", false),
            ("ftp://shop.example/", false),
            ("file:///etc/passwd", false),
            ("/hook", false),
            ("", false),
        ] {
            assert_eq!(check_callback(url).is_ok(), taken, "{url}");
        }
        assert!(is_uuid("5A1c0f7e-0000-4000-8000-0123456789ab"));
        assert!(!is_uuid("5A1c0f7e-0000-4000-8000-0123456789ag"));
    }
}
