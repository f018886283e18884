//! What a ledger knows in private of the requests it has answered.

use super::database::on_database;
use super::entry::{Entry, RequestEntry, TrainedEntry};
use super::error::LedgerError;
use super::private::{
    EARLY, NOISE_KEY, Present, SOURCE, STATE, answer_digest, next_noise_key, noise_commitment,
};
use super::store::Ledger;
use crate::disk::io_error;
use crate::fault;
use crate::time::{now, rfc3339};
use rescind_data::{DataSource, Digest};
use rescind_unlearn::training::TrainingProgress;
use rusqlite::OptionalExtension;
use rusqlite::types::{FromSql, ToSql};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

impl Ledger {
    /// What is private of a request, as it was recorded.
    ///
    /// # Errors
    /// [`LedgerError::Altered`] where it is another; [`LedgerError::Database`].
    pub fn answer(&self, number: u64) -> Result<Option<String>, LedgerError> {
        let query = "SELECT key, body FROM private.answers WHERE number = ?";
        let read = (|| {
            let mut statement = self.connection.prepare_cached(query)?;
            let row = statement.query_row([number as i64], |row| Ok((row.get(0)?, row.get(1)?)));
            row.optional()
        })();
        let found: Option<(Option<String>, String)> = on_database(&self.path, read)?;
        let mut requests = self.history().requests();
        let recorded = requests.find(|request| request.number == number);
        found
            .map(|(key, body)| self.as_recorded((number, key, body), recorded))
            .transpose()
    }

    /// The same of the request with this idempotency key.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answer_to_key(&self, key: &str) -> Result<Option<String>, LedgerError> {
        let query = "SELECT number FROM private.answers WHERE key = ?";
        match self.one::<i64>(query, key)? {
            Some(number) => self.answer(number as u64),
            None => Ok(None),
        }
    }

    /// What is private of every request, in order.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn answers(&self) -> Result<Vec<String>, LedgerError> {
        let read = (|| {
            let query = "SELECT number, key, body FROM private.answers ORDER BY number";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get(2)?))
            })?;
            rows.collect::<Result<Vec<(u64, Option<String>, String)>, _>>()
        })();
        // As many as there are requests: so it was found on opening.
        let rows = on_database(&self.path, read)?.into_iter();
        rows.zip(self.history().requests())
            .map(|(row, request)| self.as_recorded(row, Some(request)))
            .collect()
    }

    /// An answer, once its number and digest are found to be those that were recorded.
    fn as_recorded(
        &self,
        (number, key, body): (u64, Option<String>, String),
        recorded: Option<&RequestEntry>,
    ) -> Result<String, LedgerError> {
        let digest = answer_digest(key.as_deref(), &body);
        match recorded {
            Some(request) if request.number == number && request.answer == digest => Ok(body),
            _ => Err(self.altered(format!(
                "what the run's private part says of request {number} is not what was recorded"
            ))),
        }
    }

    /// Positions of all records forgotten so far, ascending.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn forgotten(&self) -> Result<Vec<usize>, LedgerError> {
        let read = (|| {
            // Not by answers given since this was read.
            let query =
                "SELECT position FROM private.forgotten WHERE request <= ? ORDER BY position";
            let mut statement = self.connection.prepare_cached(query)?;
            let known = self.newest();
            let rows = statement.query_map([known], |row| Ok(row.get::<_, i64>(0)? as usize))?;
            rows.collect()
        })();
        on_database(&self.path, read)
    }

    /// The first and the last answer that took one of these records out; none where none of them was
    /// forgotten.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn answers_to(
        &self,
        positions: &[usize],
    ) -> Result<Option<RangeInclusive<u64>>, LedgerError> {
        let read = (|| {
            let query =
                "SELECT request FROM private.forgotten WHERE position = ?1 AND request <= ?2";
            let mut statement = self.connection.prepare_cached(query)?;
            let known = self.newest();
            let mut answers = Vec::new();
            for &position in positions {
                let found = statement.query_row([position as i64, known], |row| row.get(0));
                answers.extend(found.optional()?.map(|number: i64| number as u64));
            }
            Ok(answers)
        })();
        let answers = on_database(&self.path, read)?;
        let (first, last) = (answers.iter().min(), answers.iter().max());
        Ok(first.zip(last).map(|(&first, &last)| first..=last))
    }

    /// The number of the newest request in what was read of the ledger.
    fn newest(&self) -> i64 {
        let newest = self.history().last_request();
        newest.map_or(0, |request| request.number as i64)
    }

    /// Digest of the record of training's early checkpoint, if one was kept: from the end of training
    /// on the one that its entry names.
    pub(crate) fn early(&self) -> Result<Option<Digest>, LedgerError> {
        if let Some((trained, _)) = self.history().trained() {
            return Ok(trained.early);
        }
        let found = on_database(&self.path, self.connection.present(EARLY))?;
        found.map(|text| self.digest(&text)).transpose()
    }

    /// Remembers the record of training's early checkpoint.
    pub(crate) fn set_early(&self, record: Digest) -> Result<(), LedgerError> {
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let set = self.connection.set_present(EARLY, &record.to_string());
        on_database(&self.path, set)
    }

    /// Remembers, in private, that a request was answered for which nothing had to be done.
    pub(crate) fn nothing_to_do(&self, why: &str, request: &Digest) -> Result<(), LedgerError> {
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let at = rfc3339(now());
        let row = "INSERT INTO private.idle VALUES (?, ?, ?)";
        let row = (self.connection).execute(row, (at, why, request.to_string()));
        on_database(&self.path, row).map(drop)
    }

    /// How many requests were answered for which nothing had to be done.
    pub(crate) fn idle(&self) -> Result<u64, LedgerError> {
        let count = "SELECT count(*) FROM private.idle";
        let count = self
            .connection
            .query_row(count, [], |row| row.get::<_, i64>(0));
        Ok(on_database(&self.path, count)? as u64)
    }

    /// Where the records are, where that is not what the run was made with.
    pub(crate) fn source(&self) -> Result<Option<DataSource>, LedgerError> {
        let found = on_database(&self.path, self.connection.present(SOURCE))?;
        let source = found.map(|text| text.parse::<DataSource>()).transpose();
        source.map_err(|error| self.altered(error.to_string()))
    }

    /// Remembers where the records are.
    pub(crate) fn set_source(&self, source: &DataSource) -> Result<(), LedgerError> {
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let set = self.connection.set_present(SOURCE, &source.to_string());
        on_database(&self.path, set)
    }

    fn one<T: FromSql>(
        &self,
        query: &str,
        parameter: impl ToSql,
    ) -> Result<Option<T>, LedgerError> {
        let read = (|| {
            let mut statement = self.connection.prepare_cached(query)?;
            statement
                .query_row([parameter], |row| row.get(0))
                .optional()
        })();
        on_database(&self.path, read)
    }

    /// How many records every request forgot.
    pub(super) fn forgotten_of_each(&self) -> Result<BTreeMap<u64, u64>, LedgerError> {
        let read = (|| {
            let query = "SELECT request, count(*) FROM private.forgotten GROUP BY request";
            let mut statement = self.connection.prepare_cached(query)?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
            })?;
            rows.collect()
        })();
        on_database(&self.path, read)
    }

    /// Digest of the private state in force; none before the first.
    pub(crate) fn state(&self) -> Result<Option<Digest>, LedgerError> {
        let found = on_database(&self.path, self.connection.present(STATE))?;
        found.map(|text| self.digest(&text)).transpose()
    }

    /// Makes a private state that training came to, staged by the caller, the one in force; for good
    /// where training has ended.
    pub(crate) fn reached(
        &mut self,
        state: Digest,
        progress: &TrainingProgress,
    ) -> Result<(), LedgerError> {
        if progress.ending.is_some() {
            let early = self.early()?;
            let entry = Entry::Trained(TrainedEntry { state, early });
            return self.append(vec![entry], None, None);
        }
        fault::point().map_err(io_error(&self.path, "write it"))?;
        let set = self.connection.set_present(STATE, &state.to_string());
        on_database(&self.path, set)
    }

    /// The seed of the noise of the next release, where it is made from what `input` is the digest
    /// of: nobody without the run's private folder can guess it, and the same input gives the same
    /// seed until that release is recorded. A release that a crash interrupted is so made again
    /// with the very noise it had; another one has noise of its own.
    pub(crate) fn noise_seed(&self, input: &Digest) -> Result<[u8; 32], LedgerError> {
        let key = self.noise_key()?;
        Ok(*blake3::keyed_hash(key.as_bytes(), input.as_bytes()).as_bytes())
    }

    /// The key of the next release's noise.
    pub(super) fn noise_key(&self) -> Result<Digest, LedgerError> {
        let text = on_database(&self.path, self.connection.present(NOISE_KEY))?;
        let lost = || self.altered("the key of its noise is gone".to_owned());
        self.digest(&text.ok_or_else(lost)?)
    }

    /// Commitment to the key of the next release's noise.
    pub(crate) fn noise(&self) -> Result<Digest, LedgerError> {
        Ok(noise_commitment(&self.noise_key()?))
    }

    /// The same of the key that follows it, which a release binds.
    pub(crate) fn noise_after(&self) -> Result<Digest, LedgerError> {
        Ok(noise_commitment(&next_noise_key(&self.noise_key()?)))
    }

    /// The key of the next release's noise is there, and the one that the last entry which binds one
    /// names: no two releases have the same.
    pub(super) fn noise_key_fits(&self) -> Result<(), LedgerError> {
        let found = self.noise()?;
        match self.history().noise().is_none_or(|bound| bound == found) {
            true => Ok(()),
            false => Err(self.altered(
                "the key of its noise in the run's private part is not the one that was recorded: \
                 the next noise might be one that was released before"
                    .to_owned(),
            )),
        }
    }

    fn digest(&self, text: &str) -> Result<Digest, LedgerError> {
        let read = text.parse();
        read.map_err(|_| self.altered(format!("{text:?} in its private part is no digest")))
    }
}
