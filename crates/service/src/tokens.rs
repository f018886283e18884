//! The tokens of a desk, made and ended beside it.

use crate::clock::now;
use crate::desk::{expect_key, parts};
use crate::error::ServiceError;
use crate::secret::Secret;
use crate::store::Store;
use crate::token::{self, Role, TokenListed};
use std::path::Path;
use std::sync::Arc;

/// The tokens of a desk, which may be running.
pub struct Tokens {
    secret: Arc<Secret>,
    store: Store,
}

impl Tokens {
    /// Of the desk in a folder, its database there or at this address.
    ///
    /// # Errors
    /// No desk there; a key or a database that cannot be used.
    pub fn open(folder: &Path, database: Option<&str>) -> Result<Self, ServiceError> {
        expect_key(folder)?;
        Self::open_or_make(folder, database)
    }

    /// The same; where there is no desk one is made, to be run later.
    ///
    /// # Errors
    /// A key or a database that cannot be used.
    pub fn open_or_make(folder: &Path, database: Option<&str>) -> Result<Self, ServiceError> {
        let (secret, store) = parts(folder, database)?;
        Ok(Self {
            secret: Arc::new(secret),
            store,
        })
    }

    /// Makes a token that is valid for so many seconds, or until it is revoked: what its bearer is to
    /// send, which nobody can be told again.
    ///
    /// # Errors
    /// An owner whose name cannot be one; the database.
    pub fn make(
        &self,
        owner: &str,
        role: Role,
        seconds: Option<u32>,
    ) -> Result<String, ServiceError> {
        let (secret, owner) = (Arc::clone(&self.secret), owner.to_owned());
        let expires_at = seconds.map(|seconds| now() + i64::from(seconds));
        self.store
            .write_here(move |db| token::make(db, &secret, &owner, role, expires_at))
    }

    /// All of them, oldest first.
    ///
    /// # Errors
    /// The database.
    pub fn list(&self) -> Result<Vec<TokenListed>, ServiceError> {
        self.store.read_here(token::list)
    }

    /// Ends one.
    ///
    /// # Errors
    /// No such token that is valid; the database.
    pub fn revoke(&self, id: &str) -> Result<(), ServiceError> {
        let (secret, id) = (Arc::clone(&self.secret), id.to_owned());
        self.store
            .write_here(move |db| token::revoke(db, &secret, &id))
    }

    /// The key that callbacks are signed with, in base64: whoever receives them checks it.
    #[must_use]
    pub fn callback_key(&self) -> String {
        self.secret.callback_key()
    }
}
