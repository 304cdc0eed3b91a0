// Add what needs a pointer to pages that are whole without it: a crosshair that reads a plot,
// a stretch of days picked on it, a filter that answers while it is written. It asks this host only.

const SVG = "http://www.w3.org/2000/svg"
const WAIT = 350 // ms of rest in writing before the filter is asked
const LEAST = 8 // units a pointer moves before it picks days instead of reading them
const DAY = 86_400_000

const main = document.querySelector("#content")
const today = main?.dataset.today
const read = new WeakMap() // plot -> its columns
let box, cursor, band
let held = null // the plot, and the column where a pick began

// --- reading a plot -------------------------------------------------------------------------

/** Take the columns of a plot from the tips of its shapes: where each is, and what it says. */
function columnsOf(plot) {
  if (read.has(plot)) return read.get(plot)
  const found = new Map()
  for (const title of plot.querySelectorAll("rect > title")) {
    const shape = title.parentNode
    const [label, told] = split(title.textContent)
    const left = Number(shape.getAttribute("x"))
    const right = left + Number(shape.getAttribute("width"))
    const column = found.get(label) ?? { label, told: [], left, right }
    column.told.push(told)
    column.left = Math.min(column.left, left)
    column.right = Math.max(column.right, right)
    found.set(label, column)
    title.remove() // else the browser shows it as well; the table has it for everybody
  }
  const columns = [...found.values()]
  read.set(plot, columns)
  return columns
}

function split(text) {
  const at = text.indexOf(": ")
  return [text.slice(0, at), text.slice(at + 2)]
}

function nearest(columns, x) {
  const off = column => Math.abs((column.left + column.right) / 2 - x)
  return columns.reduce((best, column, i) => (off(column) < off(columns[best]) ? i : best), 0)
}

/** Return where a pointer is, in the plot's own units. */
function place(plot, event) {
  const point = new DOMPoint(event.clientX, event.clientY)
  return point.matrixTransform(plot.getScreenCTM().inverse()).x
}

function show(plot, number, from = number) {
  const columns = columnsOf(plot)
  const [first, last] = [columns[Math.min(number, from)], columns[Math.max(number, from)]]
  const shown = columns[number]
  const middle = (shown.left + shown.right) / 2
  plot.append(cursor, band)
  set(cursor, { x1: middle, x2: middle, y1: 12, y2: 182 })
  const wide = from === number ? 0 : last.right - first.left
  set(band, { x: first.left, y: 12, width: wide, height: 170 })
  const span = from === number ? "" : " – " + last.label
  const head = document.createElement("b")
  head.textContent = (from === number ? shown : first).label + span
  const lines = from === number ? shown.told : [pickable(plot) ? "show only these days" : ""]
  box.replaceChildren(head, ...lines.map(line => document.createTextNode(line)))
  box.hidden = false
  beside(plot, middle)
}

function beside(plot, x) {
  const frame = plot.getBoundingClientRect()
  const left = frame.left + (x * frame.width) / plot.viewBox.baseVal.width
  const most = document.documentElement.clientWidth - box.offsetWidth - 8
  box.style.left = `${Math.max(8, Math.min(left + 12, most)) + scrollX}px`
  box.style.top = `${frame.top + scrollY - box.offsetHeight - 2}px`
}

function hide() {
  cursor.remove()
  band.remove()
  box.hidden = true
  held = null
}

function set(element, values) {
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, value)
}

// --- picking days ---------------------------------------------------------------------------

const isDay = label => /^\d{4}-\d\d-\d\d$/.test(label)

function pickable(plot) {
  const columns = columnsOf(plot)
  return Boolean(today) && columns.length > 1 && columns.every(column => isDay(column.label))
}

/** Go to the same page, about the days from one column to another. */
function pick(plot, one, other) {
  const columns = columnsOf(plot)
  const [first, last] = [Math.min(one, other), Math.max(one, other)]
  const step = Date.parse(columns[1].label) - Date.parse(columns[0].label)
  const after = columns[last + 1]
  // A column may stand for a week or a month: it lasts until the next begins.
  const end = after ? Date.parse(after.label) - DAY : Date.parse(columns[last].label) + step - DAY
  const to = new Date(Math.max(end, Date.parse(columns[last].label))).toISOString().slice(0, 10)
  const query = new URLSearchParams(location.search)
  query.delete("days")
  query.set("from", columns[first].label)
  to < today ? query.set("to", to) : query.delete("to")
  location.search = query
}

function plotOf(event) {
  return event.target instanceof Element ? event.target.closest("svg.upright") : null
}

document.addEventListener("pointermove", event => {
  const plot = held?.plot ?? plotOf(event)
  if (!plot || columnsOf(plot).length === 0) return box.hidden || hide()
  const x = place(plot, event)
  const number = nearest(columnsOf(plot), x)
  const moved = held && pickable(plot) && Math.abs(x - held.x) > LEAST
  show(plot, number, moved ? held.number : number)
})
document.addEventListener("pointerdown", event => {
  const plot = plotOf(event)
  if (!plot || event.button || columnsOf(plot).length === 0) return
  const x = place(plot, event)
  held = { plot, x, number: nearest(columnsOf(plot), x) }
})
document.addEventListener("pointerup", event => {
  if (!held) return
  const { plot, x, number } = held
  const now = place(plot, event)
  held = null
  const other = nearest(columnsOf(plot), now)
  if (pickable(plot) && Math.abs(now - x) > LEAST && other !== number) pick(plot, number, other)
})
document.addEventListener("pointercancel", hide)
// Else a press would mark texts, or focus the plot as if the keyboard had.
document.addEventListener("mousedown", event => plotOf(event) && event.preventDefault())

document.addEventListener("keydown", event => {
  const plot = plotOf(event)
  if (event.key === "Escape") hide()
  if (!plot || columnsOf(plot).length === 0) return
  const last = columnsOf(plot).length - 1
  const at = plot.dataset.at ? Number(plot.dataset.at) : last
  const from = event.shiftKey && plot.dataset.from ? Number(plot.dataset.from) : at
  const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }
  if (event.key in steps) {
    const next = Math.max(0, Math.min(last, plot.dataset.at ? steps[event.key] : last))
    plot.dataset.at = next
    plot.dataset.from = event.shiftKey ? from : next
    show(plot, next, event.shiftKey && pickable(plot) ? from : next)
    event.preventDefault()
  } else if (event.key === "Enter" && pickable(plot) && plot.dataset.from !== plot.dataset.at) {
    pick(plot, Number(plot.dataset.from), at)
  }
})
document.addEventListener("focusout", event => plotOf(event) && hide())

// --- a filter that answers while it is written ------------------------------------------------

let asking, timer

/** Ask for the page that a form describes, and put its answers in the place of ours. */
async function ask(form) {
  asking?.abort()
  asking = new AbortController()
  const address = new URL(form.action)
  for (const [name, value] of new FormData(form)) if (value) address.searchParams.set(name, value)
  main.classList.add("stale")
  try {
    const answer = await fetch(address, { signal: asking.signal, credentials: "same-origin" })
    const found = new DOMParser().parseFromString(await answer.text(), "text/html")
    if (!answer.ok) return say(form, found.querySelector("main p")?.textContent ?? answer.statusText)
    say(form, "")
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = found.querySelector(`[data-live="${old.dataset.live}"]`)
      if (fresh) old.replaceWith(fresh)
    }
    history.replaceState(null, "", address)
    prepare()
  } catch (error) {
    if (error.name !== "AbortError") say(form, "The host does not answer; what is shown is from before.")
    else return
  } finally {
    if (form.isConnected) main.classList.remove("stale")
  }
}

function say(form, text) {
  const place = form.querySelector("[role=status]")
  if (place) place.textContent = text
}

document.addEventListener("input", event => {
  const form = event.target.closest?.("form[data-asks]")
  if (!form || event.target.type !== "text") return
  clearTimeout(timer)
  timer = setTimeout(() => ask(form), WAIT)
})

// --- at the start, and for what comes later -----------------------------------------------------

function prepare() {
  hide()
  for (const plot of document.querySelectorAll("svg.upright")) plot.setAttribute("tabindex", "0")
}

box = document.createElement("div")
box.className = "readout"
box.setAttribute("role", "status")
document.body.append(box)
cursor = document.createElementNS(SVG, "line")
cursor.setAttribute("class", "cursor")
band = document.createElementNS(SVG, "rect")
band.setAttribute("class", "band")
prepare()
