"""What is asked of a page: one expression, evaluated in a world of its own, which the page's scripts cannot see.

It changes nothing in the document, calls nothing of the page's, and leaves nothing running: each look asks for one
frame (`requestAnimationFrame`), and the next look sees whether it came. Its answer is JSON, read by `chromium_page`.

At most `BUDGET` elements are visited, open shadow roots and frames of the same origin included; in what is larger than
that, the rest counts as something to be seen.
"""

from typing import Final

LOOK: Final = r"""
(() => {
  const BUDGET = 4000, MOST_VIDEOS = 16;
  const now = performance.now();
  const mine = self.signwatch ??= {frames: 0, asked: null, request: 0, ids: new WeakMap(), next: 1};
  const visible = document.visibilityState === "visible";
  const waits = mine.asked === null ? 0 : now - mine.asked;
  if (!visible) {
    cancelAnimationFrame(mine.request);
    mine.asked = null;
  } else if (mine.asked === null) {
    mine.asked = now;
    mine.request = requestAnimationFrame(() => { mine.frames += 1; mine.asked = null; });
  }

  const boxed = (element) => {
    const box = element.getBoundingClientRect(), view = element.ownerDocument.defaultView;
    if (!view || box.width <= 0 || box.height <= 0) return 0;
    if (box.bottom <= 0 || box.right <= 0 || box.top >= view.innerHeight || box.left >= view.innerWidth) return 0;
    if (element.checkVisibility && !element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) return 0;
    return box.width * box.height;
  };
  // What hides all that is behind it: a colour of its own, or a film that has a picture. An image may be transparent.
  const solid = (element) => {
    for (let one = element; one; one = one.parentElement) if (getComputedStyle(one).opacity < 1) return false;
    if (element.tagName === "VIDEO" && element.readyState > 1) return true;
    return /^rgb\(/.test(getComputedStyle(element).backgroundColor);
  };
  const POINTS = [[.5, .5], [.2, .2], [.8, .2], [.2, .8], [.8, .8]];
  // Whether nothing of it reaches the eye: at each of five points it is clipped away (`clipped`), or behind something.
  const covered = (element, clipped) => {
    if (getComputedStyle(element).pointerEvents === "none" || element.closest("[inert]")) return false;
    const box = element.getBoundingClientRect(), view = element.ownerDocument.defaultView;
    const left = Math.max(0, box.left), top = Math.max(0, box.top);
    const width = Math.min(box.right, view.innerWidth) - left, height = Math.min(box.bottom, view.innerHeight) - top;
    return POINTS.every(([x, y]) => {
      const stack = element.getRootNode().elementsFromPoint(left + x * width, top + y * height);
      const depth = stack.indexOf(element);
      return depth < 0 ? clipped : stack.slice(0, depth).some((one) => !element.contains(one) && solid(one));
    });
  };
  const CONTENT = new Set(["VIDEO", "CANVAS", "svg", "EMBED", "OBJECT", "INPUT", "BUTTON", "TEXTAREA", "SELECT"]);
  const painted = (element) => {
    const style = getComputedStyle(element), tag = element.tagName;
    if (style.backgroundImage !== "none") return true;
    const box = element.getBoundingClientRect(), view = element.ownerDocument.defaultView;
    if (box.left <= 0 && box.top <= 0 && box.right >= view.innerWidth && box.bottom >= view.innerHeight) return false;
    return tag !== "HTML" && tag !== "BODY" && !/^(transparent|rgba\(.*, 0\))$/.test(style.backgroundColor);
  };
  const worded = (element) =>
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
  const inside = (frame) => { try { return frame.contentDocument; } catch { return null; } };
  const BOXES = new Set(["VIDEO", "CANVAS", "IMG"]);  // of these every point is theirs
  const shows = (element) => boxed(element) && content(element) && !covered(element, BOXES.has(element.tagName));
  const content = (element) => {
    const tag = element.tagName;
    if (tag === "IMG") return element.naturalWidth > 0;
    if (tag === "IFRAME") return !inside(element);
    if (tag.includes("-") && !element.shadowRoot) return true;
    return CONTENT.has(tag) || worded(element) || painted(element);
  };

  // A frame that takes up at least half of the window is the page's content.
  const fills = (frame) => !inside(frame) && 2 * boxed(frame) >= innerWidth * innerHeight && !covered(frame, true);

  let budget = BUDGET, something = false, framed = false;
  const videos = [];
  const roots = [document];
  while (roots.length > 0 && budget > 0) {
    const walker = document.createTreeWalker(roots.shift(), NodeFilter.SHOW_ELEMENT);
    while (budget > 0 && walker.nextNode()) {
      const element = walker.currentNode;
      budget -= 1;
      something ||= shows(element);
      if (element.tagName === "VIDEO") videos.push(element);
      if (element.shadowRoot) roots.push(element.shadowRoot);
      if (element.tagName === "IFRAME" && inside(element)) roots.push(inside(element));
      framed ||= element.tagName === "IFRAME" && fills(element);
    }
  }

  const told = (video) => {
    if (!mine.ids.has(video)) mine.ids.set(video, mine.next++);
    // HTML: one that is to play by itself counts as paused until enough of it has come.
    const loads = video.autoplay && video.readyState < 4 && video.networkState === 2 && video.currentTime === 0;
    return {
      id: mine.ids.get(video), area: covered(video, true) ? 0 : Math.round(boxed(video)),
      src: video.currentSrc.slice(0, 200),
      time: video.currentTime, pictured: video.videoWidth > 0, frames: video.getVideoPlaybackQuality().totalVideoFrames,
      ready: video.readyState, network: video.networkState,
      paused: video.paused && !loads, ended: video.ended,
      error: video.error ? video.error.code : 0, message: video.error ? video.error.message.slice(0, 200) : "",
    };
  };
  const entry = performance.getEntriesByType("navigation")[0];
  const fault = location.protocol === "chrome-error:" ? document.querySelector(".error-code") : null;
  return JSON.stringify({
    href: location.href.slice(0, 2000), loading: document.readyState === "loading", visible, waits_ms: waits,
    frames: mine.frames, status: entry && entry.responseStatus || 0, fault: fault ? fault.textContent : "",
    something: something || budget <= 0, framed,
    videos: videos.filter(boxed).map(told).filter((video) => video.area > 0)
      .sort((one, other) => other.area - one.area).slice(0, MOST_VIDEOS),
  });
})()
"""
