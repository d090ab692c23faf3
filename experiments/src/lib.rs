//! Plans, runner, statistics, plots and report.
