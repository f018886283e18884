//! Tokens: who may do what.
//!
//! A token is `rescind_` and two parts: a name, by which it is found, and a secret, of which the
//! database has a keyed hash alone. It is shown once, when it is made.

use crate::audit;
use crate::clock::now;
use crate::error::ServiceError;
use crate::secret::{Of, Secret, fresh_name, hex, random};
use crate::store::{Connection, Row, Value};
use rescind::Code;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// What the bearer of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Make requests, and see and cancel those made with tokens of the same owner.
    Requester,
    /// The same of all requests; register models, set policies, make releases.
    Operator,
    /// See everything, names apart; change nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Requester, Self::Operator, Self::Auditor];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("found `{text}`, expected requester, operator or auditor"))
    }
}

/// Who bears a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The token's name.
    pub token: String,
    /// Whose it is.
    pub owner: String,
    /// What it allows.
    pub role: Role,
}

impl Bearer {
    /// What the audit log calls them: whose token it was, and the first of its name.
    pub fn actor(&self) -> String {
        format!(
            "{}/{}",
            self.owner,
            self.token.get(..8).unwrap_or(&self.token)
        )
    }
}

/// A token as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenListed {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// What it allows.
    pub role: Role,
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// When it ends to be valid, if it does.
    pub expires_at: Option<i64>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<i64>,
}

const PREFIX: &str = "rescind_";

/// Whether this can be an owner's name: it reaches logs, so it is to name a system or an office.
fn is_owner(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    // The log has the desk's own doing under its name.
    (1..=64).contains(&name.len()) && name.chars().all(plain) && !name.eq_ignore_ascii_case("desk")
}

/// Makes a token, and gives what its bearer is to send.
pub(crate) fn make(
    connection: &mut Connection,
    secret: &Secret,
    owner: &str,
    role: Role,
    expires_at: Option<i64>,
) -> Result<String, ServiceError> {
    if !is_owner(owner) {
        return Err(ServiceError::refused(
            Code::Setting,
            format!(
                "the owner of a token is {owner:?}: expected 1 to 64 letters, digits, dots, dashes \
                 and underscores, such as shop-frontend, and not `desk`"
            ),
        ));
    }
    let (id, key) = (fresh_name()?, hex(&random::<32>()?));
    connection.change(
        "INSERT INTO tokens VALUES ($1, $2, $3, $4, $5, $6, NULL)",
        &[
            (&id).into(),
            owner.into(),
            role.as_str().into(),
            secret.hash(Of::Token, key.as_bytes()).into(),
            now().into(),
            expires_at.into(),
        ],
    )?;
    let detail = format!("{role} for {owner}");
    audit::append(connection, secret, "desk", "token_made", &id, &detail)?;
    Ok(format!("{PREFIX}{id}_{key}"))
}

/// Every token, oldest first.
pub(crate) fn list(connection: &mut Connection) -> Result<Vec<TokenListed>, ServiceError> {
    let rows = connection.rows(
        "SELECT id, owner, role, made_at, expires_at, revoked_at FROM tokens ORDER BY made_at, id",
        &[],
    )?;
    let rows = rows.iter().map(|row| {
        Ok(TokenListed {
            id: row.text(0)?,
            owner: row.text(1)?,
            role: role_in(row, 2)?,
            made_at: row.number(3)?,
            expires_at: row.maybe_number(4)?,
            revoked_at: row.maybe_number(5)?,
        })
    });
    rows.collect()
}

/// Ends a token.
pub(crate) fn revoke(
    connection: &mut Connection,
    secret: &Secret,
    id: &str,
) -> Result<(), ServiceError> {
    let ended = connection.change(
        "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        &[id.into(), now().into()],
    )?;
    if ended == 0 {
        return Err(ServiceError::refused(
            Code::UnknownToken,
            format!(
                "no token that is valid has the name {id:?}: rescind serve token list shows them"
            ),
        ));
    }
    audit::append(connection, secret, "desk", "token_revoked", id, "")
}

/// Whose token this is, if it is one and valid.
pub(crate) fn bearer(
    connection: &mut Connection,
    secret: &Secret,
    sent: &str,
) -> Result<Option<Bearer>, ServiceError> {
    let parts = sent
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('_'));
    let is_name = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some((id, key)) = parts.filter(|(id, _)| is_name(id)) else {
        return Ok(None);
    };
    let found = connection.row(
        "SELECT owner, role, hash FROM tokens WHERE id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2)",
        &[Value::from(id), now().into()],
    )?;
    let Some(row) = found else {
        return Ok(None);
    };
    if !secret.is(Of::Token, key.as_bytes(), &row.text(2)?) {
        return Ok(None);
    }
    Ok(Some(Bearer {
        token: id.to_owned(),
        owner: row.text(0)?,
        role: role_in(&row, 1)?,
    }))
}

/// Whose token has this name, if it is valid.
pub(crate) fn by_name(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<Bearer>, ServiceError> {
    let found = connection.row(
        "SELECT owner, role FROM tokens WHERE id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $2)",
        &[id.into(), now().into()],
    )?;
    let bearer = found.map(|row| {
        Ok(Bearer {
            token: id.to_owned(),
            owner: row.text(0)?,
            role: role_in(&row, 1)?,
        })
    });
    bearer.transpose()
}

/// Remembers that a session, of which this is the hash, has ended: as long as it would have lasted.
pub(crate) fn end_session(
    connection: &mut Connection,
    hash: &str,
    seconds: i64,
) -> Result<(), ServiceError> {
    let now = now();
    connection.change("DELETE FROM ended_sessions WHERE until < $1", &[now.into()])?;
    connection.change(
        "INSERT INTO ended_sessions VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[hash.into(), (now + seconds).into()],
    )?;
    Ok(())
}

/// Whether that session has ended.
pub(crate) fn has_ended(connection: &mut Connection, hash: &str) -> Result<bool, ServiceError> {
    let query = "SELECT 1 FROM ended_sessions WHERE hash = $1";
    Ok(connection.row(query, &[hash.into()])?.is_some())
}

fn role_in(row: &Row, at: usize) -> Result<Role, ServiceError> {
    let role = row.text(at)?.parse();
    role.map_err(|_| crate::store::unexpected("a role"))
}
