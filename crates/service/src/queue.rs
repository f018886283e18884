//! What the desk remembers: models, requests and where they stand, releases that were ordered, and
//! whom to tell. Every function works inside a transaction of its caller.

mod batches;
mod callbacks;
mod covering;
mod leases;
mod models;
mod orders;
mod receiving;
mod requests;
mod settling;
mod subjects;
mod withdrawing;

/// The most parts of requests that are written down in one transaction: those who ask meanwhile wait as long
/// as one takes.
pub(crate) const TOGETHER: i64 = 250;

pub(crate) use batches::{
    Asked, Batch, Found, Member, Outcome, answered, compose, counted, dismiss, drop_part, held,
    next, open_batch, open_batches, set_asked, split, undo, waiting,
};
pub(crate) use callbacks::{
    Callback, due_callbacks, enqueue_alert, is_callback_due, owners, settle_callback,
};
pub(crate) use covering::{end_waiting, not_released, released, waits_in_vain};
pub(crate) use leases::{Claim, LEASE, claim, end_leases, is_work, renew, rest, trouble, yield_up};
pub(crate) use models::{
    ModelRow, expect_same, has_identity, identity, list_models, model, name, register, retry_held,
    retry_part, set_policy, to_retry, watched,
};
pub(crate) use orders::{
    Order, OrderState, begin_order, end_order, next_order, order, order_release,
};
pub(crate) use receiving::{Received, receive};
pub(crate) use requests::{
    Page, PartRow, RequestCounts, RequestRow, cancel, counts, due_soon, is_due_soon, list,
    list_due, parts_of, request,
};
pub(crate) use subjects::{Named, find};
pub(crate) use withdrawing::{replace, withdraw};
