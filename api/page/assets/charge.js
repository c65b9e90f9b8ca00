// Brings the page of a charge up to date without loading it anew: what is marked live is
// replaced where it changed, so the keyboard's focus and the scroll stay where they are.
// Without scripts the page is loaded anew instead.
"use strict";
(() => {
  const again = page => page.querySelector("[data-again]")?.dataset.again;

  const update = async () => {
    let answer;
    try {
      answer = await fetch(location.href, {signal: AbortSignal.timeout(20_000)});
      if (answer.status === 429 || answer.status >= 500) return next(document); // the facts say of when they are
      if (!answer.ok || answer.redirected) return location.reload(); // signed out, or gone: the whole page says so
      answer = await answer.text();
    } catch {
      return next(document);
    }
    const fresh = new DOMParser().parseFromString(answer, "text/html");
    const focused = document.activeElement;
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(old.id);
      if (!now) return location.reload();
      if (!old.isEqualNode(now)) old.replaceChildren(...now.childNodes);
    }
    // A button that went, as the charge ended by itself, leaves the keyboard at the charge.
    if (!focused.isConnected) document.getElementById("main").focus({preventScroll: true});
    next(fresh);
  };

  const next = page => {
    const seconds = again(page);
    if (seconds) setTimeout(update, seconds * 1000);
  };

  next(document);
})();
