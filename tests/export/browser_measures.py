"""What must hold of the playground in every state: expressions that return the faults found."""

from __future__ import annotations

# Wider than the window; texts too pale for their ground (WCAG AA); controls without a name, or too
# small for a finger; what several elements share that must be one's own.
TOO_WIDE = """() => document.scrollingElement.scrollWidth > innerWidth
  ? [`${document.scrollingElement.scrollWidth} in ${innerWidth} pixels`] : []"""

PALE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channels = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([red, green, blue]) => [red, green, blue].map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const words = (element) => element.value
    || [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const all = [...document.body.querySelectorAll('*')].filter((each) => words(each)
    && each.checkVisibility() && !each.disabled
    && !['OPTION', 'SCRIPT', 'NOSCRIPT'].includes(each.tagName)
    && !['range', 'radio', 'checkbox'].includes(each.type));
  return all.flatMap((element) => {
    const ink = light(channels(getComputedStyle(element).color)), under = light(ground(element));
    const contrast = (Math.max(ink, under) + 0.05) / (Math.min(ink, under) + 0.05);
    return contrast < 4.5
      ? [`${contrast.toFixed(1)}: "${(element.value || element.textContent).slice(0, 30)}"`] : [];
  });
}"""

NAMELESS = """() => [...document.querySelectorAll(
  'button, input:not([hidden]), select, textarea, summary, dialog, article, [role]')]
  .filter((each) => !['alert', 'status'].includes(each.role))
  .filter((each) => each.checkVisibility()).flatMap((each) => {
    const label = each.getAttribute('aria-label')
      || (each.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean)
        .map((id) => document.getElementById(id).textContent).join(' ')
      || [...(each.labels || [])].map((one) => one.textContent).join(' ')
      || (['BUTTON', 'SUMMARY'].includes(each.tagName) ? each.textContent : '');
    return /[\\p{L}\\p{N}]/u.test(label) ? [] : [each.outerHTML.slice(0, 90)];
  })"""

SMALL = """() => [...document.querySelectorAll('button, select, input, summary')]
  .filter((each) => each.checkVisibility() && !['radio', 'file'].includes(each.type))
  .flatMap((each) => {
    const box = (each.type === 'checkbox' ? each.closest('.option') : each).getBoundingClientRect();
    return box.width < 24 || box.height < 24
      ? [`${box.width.toFixed()} x ${box.height.toFixed()}: ${each.outerHTML.slice(0, 60)}`] : [];
  })"""

SHARED_IDS = """() => {
  const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
  const wanted = [...document.querySelectorAll('[for], [aria-describedby], [aria-labelledby]')]
    .flatMap((each) => ['for', 'aria-describedby', 'aria-labelledby']
      .flatMap((name) => (each.getAttribute(name) || '').split(' ').filter(Boolean)));
  return [...ids.filter((id, place) => ids.indexOf(id) !== place),
    ...wanted.filter((id) => !ids.includes(id)).map((id) => `no ${id}`)];
}"""

CUT_OFF = """() => [...document.querySelectorAll('button, label, summary, p, dt, dd, legend')]
  .filter((each) => each.checkVisibility() && !each.closest('.unseen')
    && getComputedStyle(each).position !== 'absolute')
  .flatMap((each) => {
    const box = each.getBoundingClientRect();
    const isOutside = box.width && !each.closest('.wide')
      && (box.left < -1 || box.right > innerWidth + 1);
    return isOutside ? [`outside: ${each.textContent.slice(0, 40)}`] : [];
  })"""

UNTRANSLATED = """() => [...document.querySelectorAll('[data-say]')]
  .filter((each) => !each.textContent.trim()).map((each) => each.dataset.say)"""

MEASURES = {
    "wide": TOO_WIDE,
    "pale": PALE,
    "nameless": NAMELESS,
    "small": SMALL,
    "ids": SHARED_IDS,
    "cut": CUT_OFF,
    "words": UNTRANSLATED,
}
