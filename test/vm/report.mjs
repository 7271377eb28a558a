// Turns what a machine says (see inside/run.sh) into one TAP stream, in which a test that broke off or never ran is a failure.

export class Report {
  #print;
  #console;
  #prefix;
  #count = 0;
  #failures = 0;
  #waiting;
  #test = null;
  #up = false;
  #done = false;
  #results = {};

  /** `names`: the tests that have to run. `console` gives the lines to show when one hung. */
  constructor(prefix, names, print, console) {
    this.#console = console;
    this.#prefix = prefix;
    this.#waiting = new Set(names);
    this.#print = print;
  }

  get up() {
    return this.#up;
  }

  /** What came of each test that ran to its end: what it says it tries, and its points with their outcome. */
  get results() {
    return this.#results;
  }

  get running() {
    return this.#test?.name ?? null;
  }

  skip(name, reason) {
    this.#outcome(true, `${name} # SKIP ${reason}`);
  }

  /** Takes one line of the machine. */
  line(text) {
    const begin = /^@begin (\S+)$/.exec(text);
    const end = /^@end (\S+) (\d+)$/.exec(text);
    if (text === '@up') this.#up = true;
    else if (text === '@done') this.#done = true;
    else if (begin)
      this.#test = {
        name: begin[1],
        planned: null,
        seen: 0,
        failed: 0,
        since: performance.now(),
        points: [],
      };
    else if (end) this.#end(end[1], Number(end[2]));
    else this.#tap(text);
  }

  /** The machine is off; `problem` is why, where that was not its own doing. Gives whether all is well. */
  finish(problem, details = []) {
    const why = problem ? `the machine ${problem}` : 'the machine went off before';
    if (this.#test) this.#outcome(false, `${this.#test.name}: ${why}`, details);
    else if (problem || !this.#done) this.#outcome(false, why, details);
    if (this.#test) this.#waiting.delete(this.#test.name);
    for (const name of this.#waiting) this.#outcome(false, `${name}: never ran`);
    this.#print(`1..${this.#count}`);
    return this.#failures === 0 && this.#count > 0;
  }

  #tap(text) {
    const plan = /^1\.\.(\d+)\s*(?:#\s*skip\b[:\s]*(.*))?$/i.exec(text);
    const subject = /^# subject: (.+)$/.exec(text);
    const point = /^(not )?ok\b\s*\d*\s*(?:- )?(.*)$/.exec(text);
    if (this.#test && plan) {
      this.#test.planned = Number(plan[1]);
      if (this.#test.planned === 0)
        this.#outcome(true, `${this.#test.name} # SKIP ${plan[2] || 'no reason given'}`);
    } else if (this.#test && point) {
      this.#test.seen += 1;
      if (point[1]) this.#test.failed += 1;
      this.#test.points.push({ title: point[2], passed: !point[1] });
      this.#outcome(!point[1], `${this.#test.name}: ${point[2]}`);
    } else if (this.#test && subject) this.#test.subject = subject[1];
    else if (text !== '') this.#print(text.startsWith('#') || /^\s/.test(text) ? text : `# ${text}`);
  }

  #end(name, status) {
    const test = this.#test;
    this.#test = null;
    this.#waiting.delete(name);
    if (test)
      this.#print(`# ${this.#prefix} ${name}: ${((performance.now() - test.since) / 1000).toFixed(1)} s`);
    if (!test || test.name !== name) return this.#outcome(false, `${name}: ended without having begun`);
    if (status === 124 || status === 137)
      this.#outcome(false, `${name}: hung and was ended`, this.#console());
    else if (status !== 0 && test.failed === 0) this.#outcome(false, `${name}: exit code ${status}`);
    else if (test.planned === null) this.#outcome(false, `${name}: printed no plan, so it broke off`);
    else if (test.planned > 0 && test.planned !== test.seen)
      this.#outcome(false, `${name}: ${test.planned} tests planned, ${test.seen} ran`);
    else if (test.planned > 0) this.#results[name] = { subject: test.subject ?? name, points: test.points };
  }

  #outcome(good, text, details = []) {
    this.#count += 1;
    if (!good) this.#failures += 1;
    this.#print(`${good ? 'ok' : 'not ok'} ${this.#count} - ${this.#prefix} ${text}`);
    for (const detail of details) this.#print(`#   ${detail}`);
  }
}
