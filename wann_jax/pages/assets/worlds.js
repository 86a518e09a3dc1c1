// Small worlds, step for step as their environments in Python. Angles in rad; swing-up's 0 is upright, as cart-pole's.
// A world: observe(state) -> inputs; act(outputs) -> action; step(state, action) -> {state, reward, done}.

const clip = (x, low, high) => Math.min(Math.max(x, low), high);
const largest = outputs => outputs.reduce((best, value, i) => (value > outputs[best] ? i : best), 0);
const between = (low, high) => low + (high - low) * Math.random();
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

const WORLDS = {
  swingup: {
    limit: 1000, milliseconds: 10,
    reset: () => [0.2 * normal(), 0.2 * normal(), Math.PI + 0.2 * normal(), 0.2 * normal()],
    observe: ([x, v, angle, spin]) => [x, v, Math.cos(angle), Math.sin(angle), spin],
    act: outputs => clip(outputs[0], -1, 1),
    step([x, v, angle, spin], action) {
      const g = 9.82, cart = 0.5, pole = 0.5, length = 0.6, dt = 0.01, mass = cart + pole;
      const s = Math.sin(angle), c = Math.cos(angle);
      const swing = pole * length * spin * spin * s, drive = 10 * action - 0.1 * v;
      const push = (-2 * swing + 3 * pole * g * s * c + 4 * drive) / (4 * mass - 3 * pole * c * c);
      const turn = (-3 * swing * c + 6 * mass * g * s + 6 * drive * c) / (4 * length * mass - 3 * pole * length * c * c);
      const state = [x + dt * v, v + dt * push, angle + dt * spin, spin + dt * turn];
      const reward = 0.5 * (Math.cos(state[2]) + 1) * Math.cos(0.5 * Math.PI * state[0] / 2.4);
      return { state, reward, done: Math.abs(state[0]) > 2.4 };
    },
    draw: (pen, state, action) => drawCartPole(pen, state[0], state[2], action, 2.4, 0.6),
  },
  cartpole: {
    limit: 500, milliseconds: 20,
    reset: () => [0, 0, 0, 0].map(() => between(-0.05, 0.05)),
    observe: state => state,
    act: largest,
    step([x, v, angle, spin], action) {
      const force = action ? 10 : -10, c = Math.cos(angle), s = Math.sin(angle), dt = 0.02;
      const push = (force + 0.05 * spin * spin * s) / 1.1;
      const turn = (9.8 * s - c * push) / (0.5 * (4 / 3 - 0.1 * c * c / 1.1));
      const state = [x + dt * v, v + dt * (push - 0.05 * turn * c / 1.1), angle + dt * spin, spin + dt * turn];
      return { state, reward: 1, done: Math.abs(state[0]) > 2.4 || Math.abs(state[2]) > 12 * 2 * Math.PI / 360 };
    },
    draw: (pen, state, action) => drawCartPole(pen, state[0], -state[2], action ? 1 : -1, 2.4, 1.0),
  },
  pendulum: {
    limit: 200, milliseconds: 50,
    reset: () => [between(-Math.PI, Math.PI), between(-1, 1)],
    observe: ([angle, spin]) => [Math.cos(angle), Math.sin(angle), spin],
    act: outputs => 2 * clip(outputs[0], -1, 1),
    step([angle, spin], action) {
      const turns = angle + Math.PI, from = turns - 2 * Math.PI * Math.floor(turns / (2 * Math.PI)) - Math.PI;
      const next = clip(spin + (15 * Math.sin(angle) + 3 * action) * 0.05, -8, 8);
      return { state: [angle + next * 0.05, next], reward: -(from ** 2 + 0.1 * spin ** 2 + 0.001 * action ** 2), done: false };
    },
    draw(pen, [angle], action) {
      pen.scale(90);
      pen.line([0, 0, -Math.sin(angle), Math.cos(angle)], 14, "#e0a030");
      pen.disc(0, 0, 5, "#333");
      pen.text(`torque ${action.toFixed(2)}`);
    },
  },
  mountain: {
    limit: 200, milliseconds: 30,
    reset: () => [between(-0.6, -0.4), 0],
    observe: state => state,
    act: largest,
    step([x, v], action) {
      let speed = clip(v + (action - 1) * 0.001 - Math.cos(3 * x) * 0.0025, -0.07, 0.07);
      const place = clip(x + speed, -1.2, 0.6);
      if (place === -1.2 && speed < 0) speed = 0;
      return { state: [place, speed], reward: -1, done: place >= 0.5 && speed >= 0 };
    },
    draw: (pen, [x], action) => drawHill(pen, x, action - 1, 0.5),
  },
  hill: {
    limit: 999, milliseconds: 30,
    reset: () => [between(-0.6, -0.4), 0],
    observe: state => state,
    act: outputs => clip(outputs[0], -1, 1),
    step([x, v], action) {
      let speed = clip(v + action * 0.0015 - Math.cos(3 * x) * 0.0025, -0.07, 0.07);
      const place = clip(x + speed, -1.2, 0.6);
      if (place >= 0.45 && speed < 0) speed = 0;
      const done = place >= 0.45 && speed >= 0;
      return { state: [place, speed], reward: -0.1 * action * action + (done ? 100 : 0), done };
    },
    draw: (pen, [x], action) => drawHill(pen, x, action, 0.45),
  },
};

function drawCartPole(pen, x, angle, action, track, length) {
  pen.scale(Math.min(pen.width / (2 * track + 0.6), pen.height / (2 * length + 0.7)));
  pen.line([-track, 0, track, 0], 2, "#888");
  for (const end of [-track, track]) pen.line([end, -0.06, end, 0.06], 2, "#888");
  pen.box(x, 0, 0.36, 0.18, "#40608f");
  pen.line([x, 0, x - length * Math.sin(angle), length * Math.cos(angle)], 9, "#e0a030");
  pen.disc(x, 0, 4, "#222");
  pen.line([x, -0.16, x + 0.6 * action, -0.16], 4, "#c23b22");
}

function drawHill(pen, x, action, goal) {
  const height = at => 0.45 * Math.sin(3 * at) + 0.1;
  pen.scale(pen.width / 2.1, 0.3);
  for (let at = -1.2; at < 0.6; at += 0.02) pen.line([at, height(at), at + 0.02, height(at + 0.02)], 2, "#667");
  pen.line([goal, height(goal), goal, height(goal) + 0.2], 3, "#2a9d55");
  pen.disc(x, height(x) + 0.05, 9, "#40608f");
  pen.line([x, height(x) + 0.2, x + 0.25 * action, height(x) + 0.2], 4, "#c23b22");
}
