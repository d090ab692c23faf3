//! The page: static files that are part of the program.

/// The content and type of the file at a path.
pub(super) fn at(path: &str) -> Option<(&'static str, &'static str)> {
    Some(match path {
        "/" => (include_str!("page/index.html"), "text/html; charset=utf-8"),
        "/page.css" => (include_str!("page/page.css"), "text/css; charset=utf-8"),
        "/page.js" => (
            include_str!("page/page.js"),
            "text/javascript; charset=utf-8",
        ),
        "/charts.js" => (
            include_str!("page/charts.js"),
            "text/javascript; charset=utf-8",
        ),
        _ => return None,
    })
}
