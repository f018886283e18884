mod baselines;
mod compare;
mod folders;
mod membership;
mod metrics;
mod shards;
