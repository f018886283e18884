//! The classic attack on one model, and the attack on the pair before and after.

use super::attackers::Known;
use super::folds::{folds, pairs};
use super::{AttackError, Attacker, Features, Performance, roc};
use crate::fidelity::Outputs;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;

/// What is attacked with what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttackSettings {
    /// What attackers see.
    pub features: Vec<Features>,
    /// The attackers.
    pub attackers: Vec<Attacker>,
    /// Folds of the cross-validation, at least 2.
    pub folds: usize,
    /// Most forgotten records attacked.
    pub records: usize,
    /// Seed of the draw, the folds and the attackers.
    pub seed: u64,
}

impl Default for AttackSettings {
    /// Everything, in 5 folds, on at most 1000 records.
    fn default() -> Self {
        AttackSettings {
            features: Features::ALL.to_vec(),
            attackers: Attacker::ALL.to_vec(),
            folds: 5,
            records: 1000,
            seed: 0,
        }
    }
}

impl AttackSettings {
    /// Checks what can be checked without records.
    ///
    /// # Errors
    /// Fewer than 2 folds.
    pub fn validate(&self) -> Result<(), AttackError> {
        match self.folds {
            0 | 1 => Err(AttackError::Setting {
                setting: "the number of folds",
                found: self.folds.to_string(),
                expected: "at least 2",
            }),
            _ => Ok(()),
        }
    }
}

/// Both models' outputs on the forgotten records and on unseen ones.
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// The original model on the forgotten records.
    pub original_forgotten: &'a Outputs,
    /// The original model on the unseen records.
    pub original_unseen: &'a Outputs,
    /// The unlearned model on the forgotten records.
    pub unlearned_forgotten: &'a Outputs,
    /// The unlearned model on the unseen records.
    pub unlearned_unseen: &'a Outputs,
}

/// One attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attack {
    /// What the attacker saw.
    pub features: Features,
    /// The attacker.
    pub attacker: Attacker,
    /// How it did, over the folds together. Scores of different folds come from attackers fitted
    /// to different records, of which the intervals know nothing.
    pub performance: Performance,
    /// The curve at the false-positive rates `1 / 1000 · 1000^(i/40)` for i from 0 to 40.
    pub curve: Vec<f64>,
}

impl Attack {
    /// The curve's points: false-positive rate, true-positive rate.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        (0..=GRID).map(rate).zip(self.curve.iter().copied())
    }
}

/// The attack of the largest area.
pub(crate) fn strongest<A: Borrow<Attack>>(attacks: impl IntoIterator<Item = A>) -> Option<A> {
    let area = |attack: &A| attack.borrow().performance.auc.value;
    attacks
        .into_iter()
        .max_by(|a, b| area(a).total_cmp(&area(b)))
}

/// Steps of a curve, spread evenly on a logarithmic scale.
const GRID: i32 = 40;

/// The false-positive rate of a step.
fn rate(index: i32) -> f64 {
    1e-3 * 1e3_f64.powf(f64::from(index) / f64::from(GRID))
}

/// Attacks with all features and attackers of the settings. Every attacker is scored on folds it
/// was not fitted to, forgotten records against unseen ones of the same classes in equal number.
///
/// # Errors
/// Fewer records than twice the folds on either side, outputs that do not belong together, an
/// attacker that cannot be fitted.
pub fn membership(
    observed: Observed<'_>,
    settings: &AttackSettings,
) -> Result<Vec<Attack>, AttackError> {
    settings.validate()?;
    let (forgotten, unseen) = (observed.unlearned_forgotten, observed.unlearned_unseen);
    let same = |a: &Outputs, b: &Outputs| a.labels() == b.labels() && a.classes() == b.classes();
    if !same(forgotten, observed.original_forgotten)
        || !same(unseen, observed.original_unseen)
        || forgotten.classes() != unseen.classes()
    {
        return Err(AttackError::Mismatch);
    }
    let pairs = pairs(
        forgotten.labels(),
        unseen.labels(),
        settings.records,
        settings.seed,
    );
    let needed = 2 * settings.folds;
    if pairs.len() < needed {
        return Err(AttackError::TooFew {
            found: pairs.len(),
            needed,
        });
    }
    let (members, others): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
    let chosen = Observed {
        original_forgotten: &observed.original_forgotten.at(&members),
        original_unseen: &observed.original_unseen.at(&others),
        unlearned_forgotten: &forgotten.at(&members),
        unlearned_unseen: &unseen.at(&others),
    };
    let mut attacks = Vec::new();
    for &features in &settings.features {
        let members = features.rows(chosen.original_forgotten, chosen.unlearned_forgotten);
        let others = features.rows(chosen.original_unseen, chosen.unlearned_unseen);
        for &attacker in &settings.attackers {
            let (members, others) = cross_validated(attacker, &members, &others, settings)?;
            attacks.push(Attack {
                features,
                attacker,
                performance: Performance::of(&members, &others, 0.5),
                curve: on_grid(&roc(&members, &others)),
            });
        }
    }
    Ok(attacks)
}

/// The score of every record by an attacker that was not fitted to it.
fn cross_validated(
    attacker: Attacker,
    members: &[Vec<f64>],
    others: &[Vec<f64>],
    settings: &AttackSettings,
) -> Result<(Vec<f64>, Vec<f64>), AttackError> {
    let of = folds(members.len(), settings.folds, settings.seed);
    let mut scores = (vec![0.0; members.len()], vec![0.0; others.len()]);
    for fold in 0..settings.folds {
        let (mut rows, mut known) = (Vec::new(), Vec::new());
        let (mut asked, mut places) = (Vec::new(), Vec::new());
        for (side, member) in [(members, true), (others, false)] {
            for (place, row) in side.iter().enumerate() {
                if of[place] == fold {
                    asked.push(row.clone());
                    places.push((place, member));
                } else {
                    rows.push(row.clone());
                    known.push(member);
                }
            }
        }
        let known = Known {
            rows: &rows,
            members: &known,
        };
        let given = attacker.scores(known, &asked, settings.seed)?;
        for ((place, member), score) in places.into_iter().zip(given) {
            match member {
                true => scores.0[place] = score,
                false => scores.1[place] = score,
            }
        }
    }
    Ok(scores)
}

/// The true-positive rate at each false-positive rate of the grid.
fn on_grid(curve: &[(f64, f64)]) -> Vec<f64> {
    let at = |index: i32| {
        let most = rate(index) * (1.0 + 1e-9);
        let within = curve.iter().filter(|(alarms, _)| *alarms <= most);
        within.map(|(_, found)| *found).fold(0.0, f64::max)
    };
    (0..=GRID).map(at).collect()
}
