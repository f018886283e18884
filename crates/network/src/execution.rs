//! How a pass over many records is cut into chunks and spread over threads.
//!
//! The cut depends on the network and the number of records alone, every chunk is computed by one
//! thread in one order, and partial results are added in the order of the chunks. So a result has
//! the same bits whatever the number of threads and the memory budget.

use crate::NetworkError;
use crate::program::Program;
use crate::scalar::Scalar;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Threads and memory that passes may use.
///
/// ```
/// # use rescind_network::Execution;
/// let execution = Execution::new(2, 1 << 30)?; // two threads, one GiB
/// assert_eq!(execution.threads(), 2);
/// # Ok::<(), rescind_network::NetworkError>(())
/// ```
#[derive(Debug)]
pub struct Execution {
    threads: usize,
    memory_budget: usize,
    pool: Option<rayon::ThreadPool>,
}

impl Execution {
    /// `threads` worker threads (0: one for each processor) within `memory_budget` bytes. The
    /// budget covers what a pass allocates for itself: activations, derivatives, rearranged
    /// weights, and what a linearisation keeps; not the caller's records and vectors.
    ///
    /// # Errors
    /// [`NetworkError::Threads`] when the system refuses them.
    pub fn new(threads: usize, memory_budget: usize) -> Result<Self, NetworkError> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
            n => n,
        };
        let pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build())
            .transpose()
            .map_err(|e| NetworkError::Threads {
                threads,
                reason: e.to_string(),
            })?;
        Ok(Execution {
            threads,
            memory_budget,
            pool,
        })
    }

    /// Worker threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Bytes that a pass may allocate.
    pub fn memory_budget(&self) -> usize {
        self.memory_budget
    }

    /// Has every thread do this, with its number.
    pub(crate) fn on_each(&self, work: &(dyn Fn(usize) + Sync)) {
        match &self.pool {
            Some(pool) => drop(pool.broadcast(|thread| work(thread.index()))),
            None => work(0),
        }
    }

    /// How many chunks may be in flight when `fixed` bytes are taken and each needs `chunk` more.
    pub(crate) fn lanes(&self, fixed: usize, chunk: usize) -> Result<usize, NetworkError> {
        let free = self.memory_budget.saturating_sub(fixed);
        match (free / chunk.max(1)).min(self.threads) {
            0 => {
                let (budget, needed) = (self.memory_budget, fixed + chunk);
                Err(NetworkError::MemoryBudget { budget, needed })
            }
            lanes => Ok(lanes),
        }
    }

    /// Runs `work` on every item, at most `lanes` at a time, each with a workspace. The first
    /// error in the items' order is returned.
    pub(crate) fn each<I: Send, W: Default + Send, E: Send>(
        &self,
        items: Vec<I>,
        lanes: usize,
        workspaces: &Workspaces<W>,
        work: impl Fn(I, &mut W) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let Some(pool) = self.pool.as_ref().filter(|_| items.len() > 1 && lanes > 1) else {
            return workspaces.with(|w| items.into_iter().try_for_each(|item| work(item, w)));
        };
        let job = |item| Mutex::new((Some(item), Ok::<(), E>(())));
        let jobs: Vec<_> = items.into_iter().map(job).collect();
        for wave in jobs.chunks(lanes) {
            in_parallel(pool, wave.len(), &|index| {
                let (item, result) = &mut *lock(&wave[index]);
                if let Some(item) = item.take() {
                    *result = workspaces.with(|w| work(item, w));
                }
            });
            for job in wave {
                std::mem::replace(&mut lock(job).1, Ok(()))?;
            }
        }
        Ok(())
    }

    /// `out = Σ_chunks partial(chunk)`, added in the order of the chunks. `partial` adds to a
    /// zeroed vector and returns a number; the numbers come back in order.
    pub(crate) fn sum<T: Scalar, W: Default + Send, E: Send>(
        &self,
        chunks: &[Range<usize>],
        lanes: usize,
        workspaces: &Workspaces<W>,
        partials: &Workspaces<Vec<T>>,
        out: &mut [T],
        partial: impl Fn(usize, &Range<usize>, &mut W, &mut [T]) -> Result<f64, E> + Sync,
    ) -> Result<f64, E> {
        out.fill(T::zero());
        if let [chunk] = chunks {
            return workspaces.with(|w| partial(0, chunk, w, out));
        }
        let (lanes, len) = (lanes.min(chunks.len()), out.len());
        let mut parts: Vec<Vec<T>> = (0..lanes).map(|_| partials.take()).collect();
        let mut total = 0.0;
        for (wave, chunks) in chunks.chunks(lanes).enumerate() {
            let results = Mutex::new(vec![None; chunks.len()]);
            let items = chunks.iter().zip(&mut parts).enumerate().collect();
            self.each(items, lanes, workspaces, |(i, (chunk, part)), w| {
                part.clear();
                part.resize(len, T::zero());
                let value = partial(wave * lanes + i, chunk, w, part)?;
                results.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(value);
                Ok(())
            })?;
            for value in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
                total += value.unwrap_or(f64::NAN);
            }
            self.add_in_order(out, &parts[..chunks.len()]);
        }
        parts.into_iter().for_each(|part| partials.give(part));
        Ok(total)
    }

    /// `f` of every item, in order; on all threads if there are `bytes` enough to be worth it.
    pub(crate) fn map<I: Sync, O: Send + Sync>(
        &self,
        items: &[I],
        bytes: usize,
        f: impl Fn(&I) -> O + Send + Sync,
    ) -> Vec<O> {
        const WORTH_IT: usize = 1 << 20;
        match self.pool.as_ref().filter(|_| bytes > WORTH_IT) {
            None => items.iter().map(f).collect(),
            Some(pool) => {
                let results: Vec<OnceLock<O>> = items.iter().map(|_| OnceLock::new()).collect();
                in_parallel(pool, items.len(), &|index| {
                    results[index].get_or_init(|| f(&items[index]));
                });
                results
                    .into_iter()
                    .filter_map(OnceLock::into_inner)
                    .collect()
            }
        }
    }

    fn add_in_order<T: Scalar>(&self, out: &mut [T], partials: &[Vec<T>]) {
        const PIECE: usize = 1 << 15;
        let add = |i: usize, piece: &mut [T]| {
            for part in partials {
                let len = piece.len();
                (T::compiled().add)(piece, &part[i * PIECE..][..len]);
            }
        };
        match &self.pool {
            Some(pool) if out.len() > 4 * PIECE => {
                let pieces: Vec<_> = out.chunks_mut(PIECE).map(Mutex::new).collect();
                in_parallel(pool, pieces.len(), &|i| add(i, &mut lock(&pieces[i])));
            }
            _ => out
                .chunks_mut(PIECE)
                .enumerate()
                .for_each(|(i, p)| add(i, p)),
        }
    }
}

/// Runs `work(0)`, …, `work(count − 1)` in the pool. Not generic, so that threads are handed out by
/// code compiled once.
fn in_parallel(pool: &rayon::ThreadPool, count: usize, work: &(dyn Fn(usize) + Sync)) {
    pool.install(|| (0..count).into_par_iter().with_max_len(1).for_each(work));
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Execution {
    /// One thread for each processor (one alone if the system refuses them), and 4 GiB.
    fn default() -> Self {
        const BUDGET: usize = 4 << 30;
        Execution::new(0, BUDGET).unwrap_or(Execution {
            threads: 1,
            memory_budget: BUDGET,
            pool: None,
        })
    }
}

/// Buffers that outlive one chunk, handed from thread to thread.
#[derive(Default)]
pub(crate) struct Workspaces<W> {
    idle: Mutex<Vec<W>>,
}

impl<W: Default> Workspaces<W> {
    pub fn with<R>(&self, work: impl FnOnce(&mut W) -> R) -> R {
        let mut workspace = self.take();
        let result = work(&mut workspace);
        self.give(workspace);
        result
    }

    fn take(&self) -> W {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .unwrap_or_default()
    }

    fn give(&self, workspace: W) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(workspace);
    }
}

/// Cuts `records` into chunks of nearly equal size.
///
/// A chunk has a fixed cost in proportion to the parameters (its partial gradient) and runs its
/// products at full rate only from some size on; but a batch should still fill several threads.
pub(crate) fn chunks(program: &Program, records: usize) -> Vec<Range<usize>> {
    let flops = program.flops().max(1);
    let worth_it = |total: usize| total.div_ceil(flops);
    let least = worth_it(20_000_000)
        .max(worth_it(400 * program.parameter_count))
        .max(5);
    let most = least.max(16);
    let widest = program.slots.iter().map(|s| s.len).max().unwrap_or(1);
    let size = records
        .div_ceil(8)
        .clamp(least, most)
        .min((1usize << 31) / widest)
        .max(1);
    even(records, size)
}

/// The same, of at most so many records each.
pub(crate) fn chunks_of_at_most(
    program: &Program,
    records: usize,
    most: usize,
) -> Vec<Range<usize>> {
    let plan = chunks(program, records);
    match largest(&plan) > most {
        true => even(records, most),
        false => plan,
    }
}

fn even(records: usize, size: usize) -> Vec<Range<usize>> {
    let count = records.div_ceil(size);
    (0..count)
        .map(|i| i * records / count..(i + 1) * records / count)
        .collect()
}

/// Records of the largest chunk.
pub(crate) fn largest(plan: &[Range<usize>]) -> usize {
    plan.iter().map(|chunk| chunk.len()).max().unwrap_or(0)
}
