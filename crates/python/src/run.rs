//! Runs, as Python sees them.

use crate::bytes::{given, read};
use crate::failure::{Raised, of, raise, unreadable};
use crate::model::PythonModel;
use crate::progress::Watch;
use crate::reporting::{ReportSettings, audited, write_report};
use crate::worker::Worker;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use rescind::methods::MethodChoice;
use rescind::release::Released;
use rescind::{Code, Error, Observer, OutsideRecords, ReleaseChoice, Request, Run, RunSettings};
use rescind_data::{DataSource, RecordRequest};
use rescind_evaluate::audit::AuditSettings;
use rescind_network::Weights;
use rescind_privacy::Delta;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, TryLockError};

/// An open run of a model that computes in Python. While it lives no other process can work on the
/// run; [`close`](Session::close) lets it go.
#[pyclass(frozen, module = "rescind._core")]
pub struct Session(Mutex<Option<Run>>);

#[pymethods]
impl Session {
    /// Makes a run in a new or empty folder. `settings` is JSON; `centre` is float32.
    #[staticmethod]
    #[pyo3(signature = (folder, model, dataset, subjects, settings, centre))]
    fn create(
        py: Python<'_>,
        folder: PathBuf,
        model: &Bound<'_, PyAny>,
        dataset: String,
        subjects: Option<Vec<String>>,
        settings: &str,
        centre: Option<&[u8]>,
    ) -> PyResult<Self> {
        let settings: RunSettings = parse(py, "the settings", settings)?;
        let centre = centre.map(|bytes| read(bytes, "the centre")).transpose()?;
        let model = Box::new(PythonModel::new(model)?);
        let records = OutsideRecords { dataset, subjects };
        let made = py.detach(|| Run::create_outside(&folder, model, &records, settings, centre));
        Self::of(py, made)
    }

    /// Opens the run of a model that is brought again.
    #[staticmethod]
    #[pyo3(signature = (folder, model, dataset, subjects))]
    fn open(
        py: Python<'_>,
        folder: PathBuf,
        model: &Bound<'_, PyAny>,
        dataset: String,
        subjects: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let model = Box::new(PythonModel::new(model)?);
        let records = OutsideRecords { dataset, subjects };
        let opened = py.detach(|| Run::open_outside(&folder, model, &records));
        Self::of(py, opened)
    }

    /// Opens a run that the command made: its network computes here.
    #[staticmethod]
    fn open_native(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let opened = py.detach(|| Run::open(&folder));
        Self::of(py, opened)
    }

    /// Whether the run's model computes in another program than the one that opened it.
    fn model_is_absent(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |run| Ok(run.model_is_absent()))
    }

    /// The model's description, as JSON.
    fn description(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |run| {
            serde_json::to_string(run.model().description()).map_err(Error::Document)
        })
    }

    /// Writes the report page (`rescind report`) and its figures, and returns their files.
    #[pyo3(signature = (out, figures, settings, progress))]
    fn report(
        &self,
        py: Python<'_>,
        out: PathBuf,
        figures: Option<PathBuf>,
        settings: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<PathBuf>> {
        let settings: ReportSettings = parse(py, "the settings", settings)?;
        self.watched(py, progress, |run, watch| {
            write_report(run, &out, figures.as_deref(), &settings, watch)
        })
    }

    /// Audits the newest release (`rescind audit`), as JSON.
    #[pyo3(signature = (pairs, confidence, full, progress))]
    fn audit(
        &self,
        py: Python<'_>,
        pairs: usize,
        confidence: f64,
        full: bool,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<String> {
        let settings = AuditSettings { pairs, confidence };
        self.watched(py, progress, |run, watch| {
            audited(run, &settings, full, watch)
        })
    }

    /// Lets the run go. Closing twice does nothing more.
    fn close(&self) -> PyResult<()> {
        Python::attach(|py| {
            self.lock(py)?.take();
            Ok(())
        })
    }

    /// The run's settings, as JSON.
    fn settings(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |run| {
            serde_json::to_string(run.settings()).map_err(Error::Document)
        })
    }

    /// Positions of the records trained on from here, ascending.
    fn retained(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.with(py, |run| Ok(run.retained().positions().to_vec()))
    }

    /// Radius and centre of the ball in which all weights lie; no centre: the origin.
    fn ball<'py>(&self, py: Python<'py>) -> PyResult<(f64, Option<Bound<'py, PyByteArray>>)> {
        let (radius, centre) = self.with(py, |run| {
            let ball = run.ball();
            Ok((ball.radius(), ball.centre().cloned()))
        })?;
        let centre = centre.map(|centre| given(py, &centre)).transpose()?;
        Ok((radius, centre))
    }

    /// Whether training has ended.
    fn is_trained(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |run| Ok(run.is_trained()))
    }

    /// Takes weights, float32, that the caller trained.
    fn take(&self, py: Python<'_>, weights: &[u8]) -> PyResult<()> {
        let parameters = read(weights, "the weights")?;
        self.with(py, |run| {
            run.take(Weights {
                parameters,
                statistics: Vec::new(),
            })
        })
    }

    /// Trains as the settings say; returns the progress made, as JSON.
    #[pyo3(signature = (progress))]
    fn train(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<String> {
        self.watched(py, progress, |run, watch| {
            let done = run.train(watch)?;
            let report = json!({ "epochs": done.epoch, "seconds": done.seconds });
            Ok::<_, Error>(report.to_string())
        })
    }

    /// Trains afresh on the records retained, for comparison.
    #[pyo3(signature = (progress))]
    fn retrain(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<String> {
        self.watched(py, progress, |run, watch| {
            let done = run.retrain(watch)?;
            let report = json!({ "records": done.retained, "seconds": done.seconds });
            Ok::<_, Error>(report.to_string())
        })
    }

    /// Sums up the records that stay (`rescind refresh`), as JSON.
    #[pyo3(signature = (progress))]
    fn refresh(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<String> {
        self.watched(py, progress, |run, watch| {
            let made = run.refresh(watch)?;
            serde_json::to_string(&made).map_err(Error::Document)
        })
    }

    /// Discards what is kept of the time before requests (`rescind purge`), as JSON.
    fn purge(&self, py: Python<'_>) -> PyResult<String> {
        self.tried(py, |run| {
            serde_json::to_string(&run.purge()?).map_err(Error::Document)
        })
    }

    /// What `rescind status --json` says of the run, promises at this delta.
    fn status(&self, py: Python<'_>, delta: f64) -> PyResult<String> {
        let delta = Delta::new(delta).map_err(|error| raise(py, error.into()))?;
        self.with(py, |run| {
            Ok(rescind_cli::status(run.root(), delta)?.to_string())
        })
    }

    /// Forgets the records that any of these requests names, and releases if `release` (JSON) says
    /// how. Returns the answer as JSON.
    #[pyo3(signature = (records, method, release, key, progress))]
    fn forget(
        &self,
        py: Python<'_>,
        records: Vec<String>,
        method: Option<&str>,
        release: Option<&str>,
        key: Option<String>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<String> {
        let named = records.iter().map(|text| text.parse::<RecordRequest>());
        let named = named.collect::<Result<Vec<_>, _>>();
        let records = named.map_err(|error| raise(py, rescind::ModelError::from(error).into()))?;
        let method: Option<MethodChoice> = method
            .map(|json| parse(py, "the method", json))
            .transpose()?;
        let release: Option<ReleaseChoice> = release
            .map(|json| parse(py, "the release", json))
            .transpose()?;
        let request = Request {
            records,
            method,
            release,
            key,
        };
        self.watched(py, progress, |run, watch| {
            let answer = run.forget(&request, watch)?;
            let release = answer.release.as_ref().map(described).transpose()?;
            let record = serde_json::to_value(&answer.record).map_err(Error::Document)?;
            let answer = json!({
                "record": record,
                "forgotten": answer.record.forgotten.positions(),
                "release": release,
                "repeated": answer.repeated,
            });
            Ok::<_, Error>(answer.to_string())
        })
    }

    /// Releases the private weights as they are, for every request that waits. JSON.
    fn release(&self, py: Python<'_>, release: &str) -> PyResult<String> {
        let choice: ReleaseChoice = parse(py, "the release", release)?;
        self.watched(py, None, |run, watch| {
            Ok::<_, Error>(described(&run.release(&choice, watch)?)?.to_string())
        })
    }

    /// Does what a deletion desk's worker has next for this run.
    fn step(&self, py: Python<'_>, worker: &Bound<'_, Worker>) -> PyResult<()> {
        let worker = worker.get();
        worker.heard(self.tried(py, |run| worker.step(run)))
    }

    /// The private weights, float32: nothing that leaves the owner's hands.
    fn private_weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        let weights = self.with(py, |run| Ok(run.private_weights()?.parameters.clone()))?;
        given(py, &weights)
    }

    /// The weights of the newest release, float32, if there is one.
    fn released_weights<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyByteArray>>> {
        let weights = self.with(py, |run| run.released_model())?;
        weights
            .map(|weights| given(py, &weights.parameters))
            .transpose()
    }

    /// Numbers of the requests that no release covers yet.
    fn pending(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        self.with(py, |run| {
            let pending = run.ledger().history().pending();
            Ok(pending.into_iter().map(|request| request.number).collect())
        })
    }

    /// Which decisions forgetting left as they are (`rescind decisions`), as JSON.
    #[pyo3(signature = (on, progress))]
    fn decisions(
        &self,
        py: Python<'_>,
        on: Option<&str>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<String> {
        let on = on.map(str::parse::<DataSource>).transpose();
        let on = on.map_err(|error| of(py, Code::Setting, &error.to_string()))?;
        self.watched(py, progress, |run, watch| {
            let told = run.decisions(on.as_ref(), watch)?;
            serde_json::to_string(&told).map_err(Error::Document)
        })
    }

    /// Every model of the run on every set of records, as JSON.
    #[pyo3(signature = (progress))]
    fn evaluate(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<String> {
        self.watched(py, progress, |run, watch| {
            let evaluation = run.evaluate(watch)?;
            serde_json::to_string(&evaluation).map_err(Error::Document)
        })
    }
}

impl Session {
    fn of(py: Python<'_>, run: Result<Run, Error>) -> PyResult<Self> {
        match run {
            Ok(run) => Ok(Self(Mutex::new(Some(run)))),
            Err(error) => Err(raise(py, error)),
        }
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<Run>>> {
        match self.0.try_lock() {
            Ok(run) => Ok(run),
            // A panic inside a call left it as it was on disk.
            Err(TryLockError::Poisoned(run)) => Ok(run.into_inner()),
            // Waiting would hold up the very call that is waited for.
            Err(TryLockError::WouldBlock) => Err(of(
                py,
                Code::Busy,
                "another thread works on this run: wait for it",
            )),
        }
    }

    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Run) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        self.tried(py, work)
    }

    /// Works on the run, whatever may go wrong.
    fn tried<T: Send, E: Raised>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Run) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let mut run = self.lock(py)?;
        let Some(run) = run.as_mut() else {
            let message = "the run was closed: open it again";
            return Err(of(py, Code::OpenAgain, message));
        };
        py.detach(|| work(run)).map_err(|error| error.raised(py))
    }

    /// The same, watched from Python: what that raises is what is raised.
    fn watched<T: Send, E: Raised>(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        work: impl FnOnce(&mut Run, &mut dyn Observer) -> Result<T, E> + Send,
    ) -> PyResult<T> {
        let mut watch = Watch::new(progress);
        let done = self.tried(py, |run| work(run, &mut watch));
        match watch.raised {
            Some(raised) if done.is_err() => Err(raised),
            _ => done,
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(py: Python<'_>, what: &str, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| unreadable(py, what, &error))
}

fn described(released: &Released) -> Result<Value, Error> {
    let certificate = serde_json::to_value(&released.certificate).map_err(Error::Document)?;
    Ok(json!({
        "certificate": certificate,
        "text": released.certificate.to_string(),
        "markdown": released.certificate.to_markdown(),
    }))
}
