mod baselines;
mod compare;
mod membership;
mod metrics;
