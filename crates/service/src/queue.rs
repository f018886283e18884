//! What the desk remembers: models, requests and where they stand, releases that were ordered, and
//! whom to tell. Every function works inside a transaction of its caller.

mod alerts;
mod batches;
mod callbacks;
mod covering;
mod found_run;
mod leases;
mod models;
mod orders;
mod receiving;
mod registering;
mod requests;
mod settling;
mod subjects;
mod troubles;
mod waiting;
mod withdrawing;

/// The most parts of requests that are written down in one transaction: those who ask meanwhile wait as long
/// as one takes.
pub(crate) const TOGETHER: i64 = 250;

pub(crate) use alerts::enqueue_alert;
pub(crate) use batches::{
    Asked, Batch, Gone, Joins, Outcome, Taken, answered, compose, dismiss, drop_part, held,
    open_batch, open_batches, set_asked, split, undo,
};
pub(crate) use callbacks::{Callback, due_callbacks, is_callback_due, owners, settle_callback};
pub(crate) use covering::{end_waiting, not_released, released};
pub(crate) use found_run::FoundRun;
pub(crate) use leases::{
    Claim, LEASE, claim, claim_idle, end_leases, is_work, renew, rest, trouble, yield_up,
};
pub(crate) use models::{
    ModelRow, expect_same, has_identity, identity, list_models, model, name, remember,
    remember_ledger, remember_run, remembered, retry_held, retry_part, set_policy, to_retry,
    waits_in_vain,
};
pub(crate) use orders::{
    Order, OrderState, begin_order, end_order, next_order, order, order_release,
};
pub(crate) use receiving::{Received, receive};
pub(crate) use registering::register;
pub(crate) use requests::{
    Page, PartRow, RequestCounts, RequestRow, cancel, counts, due_soon, is_due_soon, list,
    list_due, parts_of, request,
};
pub(crate) use subjects::{Named, find};
pub(crate) use troubles::{passes, promise_broken, watched};
pub(crate) use waiting::{
    Brings, Counted, Found, Member, Urgency, Which, counted, looked_at, next, that_count,
    to_be_looked_at, waiting,
};
pub(crate) use withdrawing::{replace, withdraw};
