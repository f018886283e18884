//! How strictly a source is read, and who watches.

use crate::error::DataError;
use std::ops::ControlFlow;
use std::path::Path;

/// Told again and again how many records of a source have been read so far; a break stops the
/// reading.
pub type Watch<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// How a source is read, and who watches.
pub(crate) struct Reading<'a> {
    strictness: Strictness<'a>,
    watch: &'a mut Watch<'a>,
    /// Records read so far.
    records: u64,
}

/// How strictly a source is read, and what is known of it beforehand.
enum Strictness<'a> {
    /// For the first time: whatever cannot be read is refused.
    First {
        /// The classes, where they were declared.
        classes: Option<&'a [String]>,
    },
    /// After records may have been taken out or blanked: what cannot be read is passed over.
    Again {
        /// The classes.
        classes: &'a [String],
        /// Shape of one input.
        input_shape: &'a [usize],
        /// The only rows to be read, ascending, from 1; of all if none.
        rows: Option<&'a [u64]>,
        /// The first thing that was passed over.
        unread: Option<DataError>,
    },
}

impl<'a> Reading<'a> {
    /// For the first time; with these classes, where they are declared.
    pub fn first(classes: Option<&'a [String]>, watch: &'a mut Watch<'a>) -> Self {
        Self {
            strictness: Strictness::First { classes },
            watch,
            records: 0,
        }
    }

    /// After records may have been taken out or blanked.
    pub fn again(
        classes: &'a [String],
        input_shape: &'a [usize],
        watch: &'a mut Watch<'a>,
    ) -> Self {
        Self {
            strictness: Strictness::Again {
                classes,
                input_shape,
                rows: None,
                unread: None,
            },
            watch,
            records: 0,
        }
    }

    /// The same of these rows alone, ascending, from 1: of a source whose rows can be had one by one.
    pub fn only(mut self, wanted: &'a [u64]) -> Self {
        if let Strictness::Again { rows, .. } = &mut self.strictness {
            *rows = Some(wanted);
        }
        self
    }

    /// The only rows to be read, ascending, from 1; of all if none.
    pub fn rows(&self) -> Option<&'a [u64]> {
        match self.strictness {
            Strictness::First { .. } => None,
            Strictness::Again { rows, .. } => rows,
        }
    }

    /// The classes, where they are known.
    pub fn classes(&self) -> Option<&'a [String]> {
        match self.strictness {
            Strictness::First { classes } => classes,
            Strictness::Again { classes, .. } => Some(classes),
        }
    }

    /// The shape of one input, where it is known.
    pub fn input_shape(&self) -> Option<&'a [usize]> {
        match self.strictness {
            Strictness::First { .. } => None,
            Strictness::Again { input_shape, .. } => Some(input_shape),
        }
    }

    /// Whether what cannot be read is passed over.
    pub fn passes_over(&self) -> bool {
        matches!(self.strictness, Strictness::Again { .. })
    }

    /// What was read, `None` where it may be passed over.
    pub fn passing<T>(&mut self, read: Result<T, DataError>) -> Result<Option<T>, DataError> {
        match (read, &mut self.strictness) {
            (Ok(read), _) => Ok(Some(read)),
            (Err(error), Strictness::First { .. }) => Err(error),
            (Err(error), Strictness::Again { unread, .. }) => {
                unread.get_or_insert(error);
                Ok(None)
            }
        }
    }

    /// Says how many records of this source have been read.
    ///
    /// # Errors
    /// [`DataError::Interrupted`] where the reading is to stop.
    pub fn read_so_far(&mut self, records: u64, path: &Path) -> Result<(), DataError> {
        self.records = records;
        self.look_up(path)
    }

    /// Asks, in the middle of something long, whether the reading is to stop.
    ///
    /// # Errors
    /// [`DataError::Interrupted`] where it is.
    pub fn look_up(&mut self, path: &Path) -> Result<(), DataError> {
        match (self.watch)(self.records) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DataError::Interrupted {
                path: path.to_owned(),
            }),
        }
    }

    /// The first thing that was passed over.
    pub fn unread(self) -> Option<DataError> {
        match self.strictness {
            Strictness::First { .. } => None,
            Strictness::Again { unread, .. } => unread,
        }
    }
}
