//! A connection to a database of either kind.

use super::file::{Opened, make_private};
use super::value::{Row, Value, unexpected};
use crate::error::ServiceError;
use postgres::types::{ToSql, Type};
use postgres::{NoTls, Statement};
use rusqlite::types::ValueRef;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// The address of a PostgreSQL database.
    Server(String),
}

/// After how long without a sign of the other side a connection to a server is taken for lost.
const SILENCE: Duration = Duration::from_secs(20);
/// A process that stands still inside a transaction keeps the others waiting no longer than its session lasts; and
/// whoever waits longer than that is told.
const LIMITS: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '15s'; \
                      SET statement_timeout = '120s'";

/// A connection. Statements number their parameters `$1`, `$2` and so on.
pub(crate) enum Connection {
    Sqlite {
        connection: rusqlite::Connection,
        file: Opened,
    },
    Postgres {
        client: Box<postgres::Client>,
        prepared: HashMap<&'static str, Statement>,
    },
}

impl Connection {
    /// Opens a database; an SQLite file is made where there is none, readable by its owner alone.
    pub fn open(place: &Place) -> Result<Self, ServiceError> {
        match place {
            Place::File(path) => {
                make_private(path)?;
                Self::of_file(path, Opened::at(path)?)
            }
            Place::Server(address) => {
                let unreached = |error: postgres::Error| of_server("cannot be reached", &error);
                let mut config: postgres::Config = address.parse().map_err(unreached)?;
                config
                    .tcp_user_timeout(SILENCE)
                    .keepalives_idle(SILENCE / 2);
                if config.get_connect_timeout().is_none() {
                    config.connect_timeout(SILENCE);
                }
                let mut client = config.connect(NoTls).map_err(unreached)?;
                client.batch_execute(LIMITS).map_err(unreached)?;
                Ok(Self::Postgres {
                    client: Box::new(client),
                    prepared: HashMap::new(),
                })
            }
        }
    }

    /// Opens the same database once more.
    pub fn open_again(place: &Place, file: Option<&Opened>) -> Result<Self, ServiceError> {
        match (place, file) {
            (Place::File(path), Some(file)) => {
                file.expect()?;
                Self::of_file(path, file.clone())
            }
            _ => Self::open(place),
        }
    }

    /// The file that it is to, if it is to one.
    pub fn file(&self) -> Option<&Opened> {
        match self {
            Self::Sqlite { file, .. } => Some(file),
            Self::Postgres { .. } => None,
        }
    }

    /// Refuses to go on where its file is gone.
    pub fn expect_in_place(&self) -> Result<(), ServiceError> {
        self.file().map_or(Ok(()), Opened::expect)
    }

    fn of_file(path: &Path, file: Opened) -> Result<Self, ServiceError> {
        let opened = (|| {
            let connection = rusqlite::Connection::open(path)?;
            connection.busy_timeout(Duration::from_secs(1))?;
            // A transaction that was told to have committed is on the disk.
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA secure_delete = ON;",
            )?;
            connection.set_prepared_statement_cache_capacity(200);
            Ok(connection)
        })();
        let opened = opened.map_err(|error| of_file("cannot be opened", &error));
        opened.map(|connection| Self::Sqlite { connection, file })
    }

    /// Whether it is to a server, which others use too.
    pub fn is_of_server(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Statements without parameters.
    pub fn batch(&mut self, statements: &str) -> Result<(), ServiceError> {
        const ACTION: &str = "refuses statements";
        match self {
            Self::Sqlite { connection, .. } => connection
                .execute_batch(statements)
                .map_err(|error| of_file(ACTION, &error)),
            Self::Postgres { client, .. } => client
                .batch_execute(statements)
                .map_err(|error| of_server(ACTION, &error)),
        }
    }

    /// A statement that changes rows, and how many it changed.
    pub fn change(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, ServiceError> {
        const ACTION: &str = "refuses a change";
        match self {
            Self::Sqlite { connection, .. } => {
                let changed = (|| {
                    let mut statement = connection.prepare_cached(&numbered(sql))?;
                    statement.execute(rusqlite::params_from_iter(values))
                })();
                let changed = changed.map_err(|error| of_file(ACTION, &error))?;
                Ok(changed as u64)
            }
            Self::Postgres { client, prepared } => {
                let statement = prepare(client, prepared, sql)?;
                let changed = client.execute(&statement, &parameters(values));
                changed.map_err(|error| of_server(ACTION, &error))
            }
        }
    }

    /// The rows that a statement answers with.
    pub fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, ServiceError> {
        const ACTION: &str = "refuses a question";
        match self {
            Self::Sqlite { connection, .. } => {
                let rows = (|| {
                    let mut statement = connection.prepare_cached(&numbered(sql))?;
                    let columns = statement.column_count();
                    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
                        (0..columns)
                            .map(|at| Ok(of_cell(row.get_ref(at)?)))
                            .collect()
                    })?;
                    rows.collect::<Result<Vec<Option<Vec<Value>>>, _>>()
                })();
                let rows = rows.map_err(|error| of_file(ACTION, &error))?.into_iter();
                let rows =
                    rows.map(|row| row.map(Row).ok_or_else(|| unexpected("numbers and texts")));
                rows.collect()
            }
            Self::Postgres { client, prepared } => {
                let statement = prepare(client, prepared, sql)?;
                let rows = client.query(&statement, &parameters(values));
                let rows = rows.map_err(|error| of_server(ACTION, &error))?;
                rows.iter().map(of_row).collect()
            }
        }
    }

    /// The only row, if there is one.
    pub fn row(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, ServiceError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }
}

/// SQLite numbers parameters by `?1`.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}

fn of_cell(cell: ValueRef<'_>) -> Option<Value> {
    match cell {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(number) => Some(Value::Number(number)),
        ValueRef::Text(text) => Some(Value::Text(std::str::from_utf8(text).ok()?.to_owned())),
        ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

fn of_row(row: &postgres::Row) -> Result<Row, ServiceError> {
    let cells = row.columns().iter().enumerate().map(|(at, column)| {
        let read = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Value::from),
            Type::INT4 => {
                let read = row.try_get::<_, Option<i32>>(at);
                read.map(|number| number.map(i64::from).into())
            }
            _ => row.try_get::<_, Option<String>>(at).map(Value::from),
        };
        read.map_err(|error| of_server("gives what is no number and no text", &error))
    });
    Ok(Row(cells.collect::<Result<_, _>>()?))
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    let values = values.iter();
    values.map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn prepare(
    client: &mut postgres::Client,
    prepared: &mut HashMap<&'static str, Statement>,
    sql: &'static str,
) -> Result<Statement, ServiceError> {
    if let Some(statement) = prepared.get(sql) {
        return Ok(statement.clone());
    }
    let statement = client.prepare(sql);
    let statement = statement.map_err(|error| of_server("does not know a statement", &error))?;
    prepared.insert(sql, statement.clone());
    Ok(statement)
}

fn of_file(action: &'static str, error: &rusqlite::Error) -> ServiceError {
    let code = error.sqlite_error_code();
    let passing = [
        rusqlite::ErrorCode::DatabaseBusy,
        rusqlite::ErrorCode::DatabaseLocked,
    ];
    ServiceError::Queue {
        action,
        reason: error.to_string(),
        passing: code.is_some_and(|code| passing.contains(&code)),
    }
}

fn of_server(action: &'static str, error: &postgres::Error) -> ServiceError {
    // Of what the server says the message alone: details quote the row.
    let (reason, passing) = match error.as_db_error() {
        Some(said) => {
            let class = &said.code().code()[..2];
            // Connections that break, transactions that meet, a server that stops or starts.
            let passing = ["08", "40", "53", "55", "57", "58"].contains(&class);
            (said.message().to_owned(), passing)
        }
        None => (error.to_string(), true),
    };
    ServiceError::Queue {
        action,
        reason,
        passing,
    }
}
