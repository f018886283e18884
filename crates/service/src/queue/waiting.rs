//! What waits for a model: to be answered, or for a release.
//!
//! Where a policy gathers requests, only those count that bring something to forget: names that nobody has,
//! and people forgotten before, would else have a batch, and with it a release, made for one person alone.

use super::subjects::Named;
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::state::PartState;
use crate::store::{Connection, Row, unexpected};

/// A request's part in a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub request: String,
    pub named: Named,
    pub due_at: i64,
    pub since: i64,
}

/// What a request brings to the batch that is gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brings {
    /// Nothing that is trained on: that never changes.
    Nothing = 0,
    /// Records that another which counts brings as well.
    Again = 1,
    /// Records that no other which counts does: it counts.
    New = 2,
}

/// Which of those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All, the most urgent first.
    All,
    /// Those that count first, then the rest.
    Gathered,
    /// Those that bring nothing and wait since then or longer, or are due by then.
    Idle { since: i64, due: i64 },
}

/// Since when the oldest waits, and when the most urgent is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Urgency {
    pub oldest: i64,
    pub due: i64,
}

/// What waits for a model, as far as what follows depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many wait, counted no further than was asked, but for those known to bring nothing.
    pub waiting: i64,
    /// Since when the oldest of them waits; when the most urgent is due.
    pub urgency: Urgency,
    /// The same of those that are known to bring nothing.
    pub idle: Option<Urgency>,
    /// Whether one is forgotten and waits for a release; when the most urgent of them is due.
    pub forgotten: bool,
    pub forgotten_due: i64,
}

/// How many requests stand where, in a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// To be answered.
    pub waiting: i64,
    /// Forgotten, without a release that covers them.
    pub forgotten: i64,
    /// Of these, those of which a release was refused: an operator has to see to it.
    pub refused: i64,
}

/// The parts of a model that wait, with what their requests name: those of whom this holds, in this order.
macro_rules! members {
    ($rest:literal) => {
        concat!(
            "SELECT request, sealed, parts.due_at, since FROM parts JOIN requests ON id = request ",
            "WHERE model = $1 AND parts.state = 'waiting' ",
            $rest
        )
    };
}

pub(super) fn member(secret: &Secret, row: &Row) -> Result<Member, ServiceError> {
    let request = row.text(0)?;
    let sealed = row.maybe_text(1)?;
    let sealed = sealed.ok_or_else(|| unexpected("the names of an open request"))?;
    Ok(Member {
        named: Named::unsealed(secret, &request, &sealed)?,
        request,
        due_at: row.number(2)?,
        since: row.number(3)?,
    })
}

/// How many requests wait to be answered by a model, and how many are forgotten and wait for a release.
pub(crate) fn counted(connection: &mut Connection, model: &str) -> Result<Counted, ServiceError> {
    let query = "SELECT count(*), count(code) FROM parts WHERE model = $1 AND state = $2";
    let mut of = |state: PartState| {
        let row = connection.row(query, &[model.into(), state.as_str().into()])?;
        let row = row.ok_or_else(|| unexpected("a count"))?;
        Ok::<_, ServiceError>((row.number(0)?, row.number(1)?))
    };
    let (waiting, _) = of(PartState::Waiting)?;
    let (forgotten, refused) = of(PartState::Forgotten)?;
    Ok(Counted {
        waiting,
        forgotten,
        refused,
    })
}

/// What waits for a model, counted up to `most`. Where nothing is gathered this takes no longer however
/// much waits.
pub(crate) fn waiting(
    connection: &mut Connection,
    model: &str,
    most: i64,
    gathers: bool,
) -> Result<Found, ServiceError> {
    let count = "SELECT count(*) FROM (SELECT 1 FROM parts WHERE model = $1 AND state = 'waiting' \
                 AND code IS NULL AND adds >= $3 LIMIT $2) AS counted";
    // Without gathering all are alike.
    let least = i64::from(gathers);
    let row = connection.row(count, &[model.into(), most.into(), least.into()])?;
    let waiting = row.ok_or_else(|| unexpected("a count"))?.number(0)?;
    let urgency = urgency(connection, model, PartState::Waiting, least, 2)?;
    let idle = match gathers {
        true => self::urgency(connection, model, PartState::Waiting, 0, 0)?,
        false => None,
    };
    let forgotten = self::urgency(connection, model, PartState::Forgotten, 0, 2)?;
    let never = Urgency {
        oldest: i64::MAX,
        due: i64::MAX,
    };
    Ok(Found {
        waiting,
        urgency: urgency.unwrap_or(never),
        idle,
        forgotten: forgotten.is_some(),
        forgotten_due: forgotten.unwrap_or(never).due,
    })
}

/// Of those in a state that bring as much as that.
fn urgency(
    connection: &mut Connection,
    model: &str,
    state: PartState,
    least: i64,
    most: i64,
) -> Result<Option<Urgency>, ServiceError> {
    let mut first = |query: &'static str| {
        let values = [
            model.into(),
            state.as_str().into(),
            least.into(),
            most.into(),
        ];
        let row = connection.row(query, &values)?;
        row.map(|row| row.number(0)).transpose()
    };
    let oldest = "SELECT since FROM parts WHERE model = $1 AND state = $2 AND code IS NULL \
                  AND adds BETWEEN $3 AND $4 ORDER BY since LIMIT 1";
    let due = "SELECT due_at FROM parts WHERE model = $1 AND state = $2 AND code IS NULL \
               AND adds BETWEEN $3 AND $4 ORDER BY due_at LIMIT 1";
    let (oldest, due) = (first(oldest)?, first(due)?);
    Ok(oldest.zip(due).map(|(oldest, due)| Urgency { oldest, due }))
}

/// Those that wait for a model and are next.
pub(crate) fn next(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    most: i64,
    which: Which,
) -> Result<Vec<Member>, ServiceError> {
    let rows = match which {
        Which::All => connection.rows(
            members!("ORDER BY parts.due_at, request LIMIT $2"),
            &[model.into(), most.into()],
        )?,
        Which::Gathered => connection.rows(
            members!("ORDER BY adds DESC, parts.due_at, request LIMIT $2"),
            &[model.into(), most.into()],
        )?,
        Which::Idle { since, due } => connection.rows(
            members!(
                "AND adds = 0 AND (since <= $3 OR parts.due_at <= $4) \
                 ORDER BY parts.due_at, request LIMIT $2"
            ),
            &[model.into(), most.into(), since.into(), due.into()],
        )?,
    };
    rows.iter().map(|row| member(secret, row)).collect()
}

/// Those that count, as of this answer of the run.
pub(crate) fn that_count(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    answer: i64,
    most: i64,
) -> Result<Vec<Member>, ServiceError> {
    let rows = connection.rows(
        members!("AND adds = 2 AND looked = $2 LIMIT $3"),
        &[model.into(), answer.into(), most.into()],
    )?;
    rows.iter().map(|row| member(secret, row)).collect()
}

/// Those of which it is not known what they bring, as of this answer of the run.
pub(crate) fn to_be_looked_at(
    connection: &mut Connection,
    secret: &Secret,
    model: &str,
    answer: i64,
    most: i64,
) -> Result<Vec<Member>, ServiceError> {
    let rows = connection.rows(
        members!(
            "AND adds > 0 AND (looked IS NULL OR looked <> $2) \
             ORDER BY parts.due_at, request LIMIT $3"
        ),
        &[model.into(), answer.into(), most.into()],
    )?;
    rows.iter().map(|row| member(secret, row)).collect()
}

/// Remembers what a request brings, as of this answer of the run.
pub(crate) fn looked_at(
    connection: &mut Connection,
    model: &str,
    request: &str,
    answer: i64,
    brings: Brings,
) -> Result<(), ServiceError> {
    connection.change(
        "UPDATE parts SET adds = $3, looked = $4 WHERE request = $1 AND model = $2 AND state = 'waiting'",
        &[
            request.into(),
            model.into(),
            (brings as i64).into(),
            answer.into(),
        ],
    )?;
    Ok(())
}
