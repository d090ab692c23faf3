//! Parts of a plan that command-line options left out.

use super::Plan;

/// Names, as in files, of parts that the plan file has and the changed plan does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Scenarios.
    pub scenarios: Vec<String>,
    /// Contrasts. Also the candidate, which is compared with itself, if its name changed.
    pub contrasts: Vec<String>,
    /// Labels of adoption levels.
    pub adoption: Vec<String>,
    /// Ids of estimands.
    pub estimands: Vec<String>,
}

impl LeftOut {
    pub(super) fn between(file: &Plan, changed: &Plan) -> Self {
        let gone = |names: fn(&Plan) -> Vec<String>| -> Vec<String> {
            let kept = names(changed);
            let mut names = names(file);
            names.retain(|it| !kept.contains(it));
            names
        };
        Self {
            scenarios: gone(|it| it.scenarios.iter().map(|it| it.name.clone()).collect()),
            contrasts: gone(|it| {
                let all = it.contrasts.iter().map(|it| &it.name);
                all.chain([&it.candidate.name]).cloned().collect()
            }),
            adoption: gone(|it| it.adoption.iter().map(|it| it.label()).collect()),
            estimands: gone(|it| it.estimands.iter().map(|it| it.id().to_owned()).collect()),
        }
    }

    /// Whether a comparison was left out, given the names in files of its parts.
    #[must_use]
    pub fn holds(&self, scenario: &str, contrast: &str, adoption: &str, quantity: &str) -> bool {
        let has = |names: &[String], name: &str| names.iter().any(|it| it == name);
        has(&self.scenarios, scenario)
            || has(&self.contrasts, contrast)
            || has(&self.adoption, adoption)
            || has(&self.estimands, quantity)
    }
}
