//! The desk's database, SQLite or PostgreSQL: one lane of work for what writes, one for what reads, and
//! one for what is read with every call, which long lists keep nobody waiting for.
//!
//! The statements are the same for both. A lane is a thread with a connection, which does whatever
//! work waits in one transaction, so that many requests share the wait for the disk. What work gives
//! back is told to whoever asked only once the transaction has committed.

mod connection;
mod file;
mod lane;
mod schema;
mod value;

pub(crate) use connection::{Connection, Place};
pub(crate) use value::{Row, Value, unexpected};

use crate::error::ServiceError;
use lane::{Access, Lane};
use std::time::Duration;
use tokio::sync::oneshot::Receiver;

/// How long a call waits for what it has written, or for a glance,
const PATIENCE: Duration = Duration::from_secs(30);
/// and for what goes through long lists.
const MORE_PATIENCE: Duration = Duration::from_secs(300);

/// What comes back, or that the database takes too long: what was to be written may be yet.
async fn within<T>(
    patience: Duration,
    answer: Receiver<Result<T, ServiceError>>,
) -> Result<T, ServiceError> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(lane::gone())),
        Err(_) => Err(ServiceError::Queue {
            action: "does not answer",
            reason: format!(
                "nothing came back in {} s: ask again, under the same key",
                patience.as_secs()
            ),
            passing: true,
        }),
    }
}

/// An open database.
#[derive(Clone)]
pub(crate) struct Store {
    writes: Lane,
    reads: Lane,
    glances: Lane,
}

impl Store {
    /// Opens a database, and brings its tables to this version's. `alone` is asked before anything is
    /// changed, with whether the database is empty: what it gives is kept until that is done.
    pub fn open<T>(
        place: &Place,
        alone: impl FnOnce(bool) -> Result<T, ServiceError>,
    ) -> Result<Self, ServiceError> {
        let mut first = Connection::open(place)?;
        if !schema::is_newest(&mut first)? {
            let _alone = alone(schema::is_empty(&mut first)?)?;
            schema::migrate(&mut first)?;
        }
        let reads = |name| Lane::start(place, Connection::open(place)?, Access::Read, name);
        Ok(Self {
            writes: Lane::start(place, first, Access::Write, "desk-write")?,
            reads: reads("desk-read")?,
            glances: reads("desk-glance")?,
        })
    }

    /// The thread that ended by a fault of the program, where one did.
    pub fn lost(&self) -> Option<&'static str> {
        let lanes = [&self.writes, &self.reads, &self.glances];
        lanes.into_iter().find_map(Lane::lost)
    }

    /// Whether the last that was written was refused, by a full disk for instance.
    pub fn refuses_writes(&self) -> bool {
        self.writes.fails()
    }

    /// Does work that writes, all of it or nothing. Where a connection is lost it may be done twice:
    /// it must not matter.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        within(PATIENCE, self.writes.send(work)?).await
    }

    /// Does work that only reads.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        within(MORE_PATIENCE, self.reads.send(work)?).await
    }

    /// Does work that only reads, and little: whose token a call carries, whether the database answers.
    pub async fn glance<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        within(PATIENCE, self.glances.send(work)?).await
    }

    /// As [`write`](Self::write), for threads that may wait.
    pub fn write_here<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let answer = self.writes.send(work)?.blocking_recv();
        answer.unwrap_or_else(|_| Err(lane::gone()))
    }

    /// As [`read`](Self::read), for threads that may wait.
    pub fn read_here<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let answer = self.reads.send(work)?.blocking_recv();
        answer.unwrap_or_else(|_| Err(lane::gone()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Store};
    use rescind::Code;

    #[test]
    fn a_lane_that_ends_by_a_fault_is_known() {
        let place = tempfile::tempdir().unwrap();
        let at = Place::File(place.path().join("desk.sqlite"));
        let store = Store::open(&at, |_| Ok(())).unwrap();
        store.write_here(|_| Ok(())).unwrap();
        assert_eq!(store.lost(), None);
        let lost = store.write_here(|_| -> Result<(), _> { panic!("a fault") });
        assert_eq!(lost.unwrap_err().code(), Code::Queue);
        while store.lost().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(store.lost(), Some("desk-write"));
    }
}
