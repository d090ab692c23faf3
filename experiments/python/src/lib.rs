//! Runs swarms of the simulator from Python.
//!
//! - [`columns`]: a result as named columns of numbers.
//! - [`many`]: runs on several threads, without Python's lock.
//!
//! `python/unchoke/__init__.py` makes NumPy arrays of the columns. Deliberately not here: policies
//! written in Python. A run stays a function of scenario and seed.

mod columns;
mod many;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use unchoke_core::choke;
use unchoke_sim::scenario::Scenario;

use columns::{Column, Table};
use many::{Fault, Request, Run};

/// Runs each request, on this number of threads (0 for one per core). An error in a request is
/// raised before anything runs.
#[pyfunction]
fn run_many<'py>(
    py: Python<'py>,
    requests: Vec<(String, u64, Vec<String>)>,
    jobs: usize,
) -> PyResult<Vec<PyRun<'py>>> {
    let each = requests.into_iter();
    let requests: Vec<Request> = each
        .map(|(scenario, seed, set)| Request::read(&scenario, seed, &set))
        .collect::<Result<_, _>>()
        .map_err(raised)?;
    let runs = py.detach(|| many::run(&requests, jobs)).map_err(raised)?;
    Ok(runs.iter().map(|it| python(py, it)).collect())
}

/// Digest, and the tables with their columns: name, NumPy's name of the type, bytes.
type PyRun<'py> = (String, Vec<(&'static str, Vec<PyColumn<'py>>)>);
type PyColumn<'py> = (String, &'static str, Bound<'py, PyBytes>);

fn python<'py>(py: Python<'py>, run: &Run) -> PyRun<'py> {
    let column = |it: &Column| (it.name.clone(), it.kind, PyBytes::new(py, &it.bytes));
    let table = |it: &Table| (it.name, it.columns.iter().map(column).collect());
    (run.digest.clone(), run.tables.iter().map(table).collect())
}

fn raised(fault: Fault) -> PyErr {
    match fault {
        Fault::Input(it) => PyValueError::new_err(it),
        Fault::Broken(it) => PyRuntimeError::new_err(it),
    }
}

/// Names of the built-in scenarios, each with a description.
#[pyfunction]
fn scenarios() -> Vec<(String, String)> {
    let all = Scenario::list();
    all.iter().map(|it| (it.name.to_string(), it.about.to_string())).collect()
}

/// Names of the policies, each with a description.
#[pyfunction]
fn policies() -> Vec<(&'static str, &'static str)> {
    choke::REGISTRY.iter().map(|it| (it.id, it.summary)).collect()
}

#[pymodule]
fn _unchoke(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_many, module)?)?;
    module.add_function(wrap_pyfunction!(scenarios, module)?)?;
    module.add_function(wrap_pyfunction!(policies, module)?)
}
