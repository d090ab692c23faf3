//! The functions that a page can call. The page requests a buffer, writes its request into it, and
//! passes it on. The answer stays in memory until the next request.

use std::cell::RefCell;

use crate::answer::answer;

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// Reports that a run has received this many thousandths of its pieces.
    fn progress(thousandths: u32);
    /// Reports that the engine stops for good, with the reason.
    fn broken(text: *const u8, length: usize);
}

thread_local! {
    static REQUEST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Allocates a buffer for a request of this length.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> *mut u8 {
    REQUEST.with_borrow_mut(|it| {
        it.clear();
        it.resize(length, 0);
        it.as_mut_ptr()
    })
}

/// Answers the request in the buffer. Returns the length of the answer.
#[unsafe(no_mangle)]
extern "C" fn ask() -> usize {
    std::panic::set_hook(Box::new(|it| {
        let text = it.to_string();
        // SAFETY: the page reads this many bytes from there before it returns.
        unsafe { broken(text.as_ptr(), text.len()) }
    }));
    let request = REQUEST.take();
    // SAFETY: this call only passes a number.
    let said = answer(&request, &|it| unsafe { progress(it) });
    let length = said.len();
    ANSWER.set(said);
    length
}

/// Address of the answer.
#[unsafe(no_mangle)]
extern "C" fn answered() -> *const u8 {
    ANSWER.with_borrow(|it| it.as_ptr())
}
