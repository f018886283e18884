//! A model to try a desk with: handwritten digits, ten of each of 144 people.

use super::place::DeskPlace;
use crate::console::Console;
use crate::exit::Failure;
use crate::progress::Watch;
use rescind::training::TrainingSettings;
use rescind::{Code, ModelChoice, Parameterisation, Run, RunConfig, Scaling};
use rescind_data::DataSource;
use rescind_network::Loss;
use rescind_privacy::NoiseChoice;
use rescind_service::policy::{Policy, PromisePolicy, ReleasePolicy, When};
use rescind_service::{ModelGiven, Role, Tokens};
use serde::Serialize;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;

const NAME: &str = "digits";
const PEOPLE: usize = 144;
/// How long its tokens are valid, in seconds.
const DAY: u32 = 86_400;

/// What to try it with.
#[derive(Serialize)]
struct Told {
    at: String,
    requester: String,
    operator: String,
    auditor: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            requester,
            operator,
            auditor,
        } = self;
        write!(
            f,
            "A model named {NAME} was trained on handwritten digits of {PEOPLE} people, person-0 to \
             person-{}.\nTokens, valid for a day:\n\n  REQUESTER={requester}\n  OPERATOR={operator}\n  \
             AUDITOR={auditor}\n\nHave somebody forgotten, and see what became of it:\n\n  \
             curl {at}/v1/requests -H \"Authorization: Bearer $REQUESTER\" \\\n    \
             --json '{{\"subject_identities\": [{{\"identity_value\": \"person-17\"}}]}}'\n  \
             curl {at}/v1/requests -H \"Authorization: Bearer $REQUESTER\"\n  \
             curl {at}/v1/models/{NAME}/promises -H \"Authorization: Bearer $AUDITOR\"\n",
            PEOPLE - 1
        )
    }
}

/// Makes the model, unless an earlier start has, and tokens.
pub fn make(place: &DeskPlace, listen: &str, console: &Console) -> Result<ModelGiven, Failure> {
    let tokens = Tokens::open_or_make(&place.desk, place.database.as_deref())?;
    let root = place.desk.join("demo");
    let run = root.join("run");
    if !run.join("run.json").exists() {
        fs::create_dir_all(&root).map_err(|error| Failure::io(&root, error))?;
        train(&root, &run, console)?;
    }
    let token = |role| tokens.make("demo", role, Some(DAY));
    console.print(&Told {
        at: format!("http://{listen}"),
        requester: token(Role::Requester)?,
        operator: token(Role::Operator)?,
        auditor: token(Role::Auditor)?,
    })?;
    let delta = 1e-5;
    Ok(ModelGiven {
        name: NAME.to_owned(),
        run,
        policy: Some(Policy {
            release: ReleasePolicy {
                when: When::Each,
                noise: Some(NoiseChoice::Promise {
                    epsilon: 1.0,
                    delta,
                }),
                ..ReleasePolicy::default()
            },
            promise: Some(PromisePolicy {
                epsilon: 4.0,
                delta,
                if_broken: Default::default(),
            }),
            ..Policy::default()
        }),
    })
}

fn train(root: &Path, run: &Path, console: &Console) -> Result<(), Failure> {
    let table = root.join("people.csv");
    let digits = rescind_data::load(&DataSource::Digits, None);
    let digits = digits.map_err(rescind::Error::from)?.train;
    let mut text = "person,digit".to_owned();
    let inputs = digits.input_shape().iter().product();
    for at in 0..inputs {
        let _ = write!(text, ",pixel{at}");
    }
    let labels = digits.labels();
    for (at, (pixels, label)) in digits.inputs().chunks(inputs).zip(labels).enumerate() {
        let _ = write!(text, "\nperson-{},{label}", at % PEOPLE);
        for pixel in pixels {
            let _ = write!(text, ",{pixel}");
        }
    }
    fs::write(&table, text + "\n").map_err(|error| Failure::io(&table, error))?;
    let source = format!("csv:{}?label=digit&subject=person&test=0", table.display());
    let source = source.parse::<DataSource>();
    let mut watch = Watch::new(console);
    let config = RunConfig {
        data: source.map_err(|error| Failure::other(Code::Data, error))?,
        classes: Some((0..10).map(|digit| digit.to_string()).collect()),
        model: ModelChoice::Logistic,
        scaling: Scaling::None,
        training: TrainingSettings {
            penalty: 1e-3,
            until_gradient: Some(1e-7),
            ..TrainingSettings::default()
        },
        parameterisation: Parameterisation::Tangent,
        loss: Loss::SquaredError,
        keep_iterates: false,
        ..RunConfig::default()
    };
    let mut run = Run::create(run, config, None, &mut watch)?;
    run.train(&mut watch)?;
    run.refresh(&mut watch)?;
    Ok(())
}
