// What a visitor does goes to Python as one call; what comes back replaces what is shown.
const find = (id) => element.querySelector(`#${id}`);
const MOST_BYTES = Number(element.querySelector("[data-most-bytes]").dataset.mostBytes);
let line = Promise.resolve(); // one call after the other

function tell(words, kind = "") {
  find("told").textContent = words;
  find("told").className = kind;
}

async function ask(call) {
  let answer;
  try {
    answer = await server.answer({ visitor: window.visitor, ...call });
  } catch {
    return tell("Not done. The server does not answer.", "failed");
  }
  if ("result" in answer) find("result").innerHTML = answer.result;
  find("people").innerHTML = answer.people;
  if (answer.told) tell(answer.told, answer.failed ? "failed" : "");
  return answer;
}

const then = (act) => (line = line.then(act).catch((error) => tell(`Not done. ${error}`, "failed")));

function content(file) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1] ?? "");
    reader.onerror = fail;
    reader.readAsDataURL(file);
  });
}

async function send(files) {
  const failed = [];
  let more = false;
  for (const [place, file] of files.entries()) {
    const of = files.length > 1 ? ` (${place + 1} of ${files.length})` : "";
    tell(`Reading ${file.name}${of} …`, "busy");
    const large = file.size > MOST_BYTES;
    const photo = large ? "" : await content(file).catch(() => "");
    const answer = large
      ? { failed: true, told: `Not done. A photo has at most ${MOST_BYTES / 2 ** 20} MB.` }
      : await ask({ do: "read", name: file.name, photo, more });
    if (answer?.failed) failed.push(files.length > 1 ? `${file.name}: ${answer.told}` : answer.told);
    else more = true;
  }
  if (failed.length) tell(failed.join(" "), "failed");
}

const pick = (files) => files.length && then(() => send([...files]));

element.addEventListener("change", (event) => {
  if (event.target.id !== "photos") return;
  pick([...event.target.files]);
  event.target.value = ""; // so that the same file can be chosen again
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  const { example, forget, picture } = button?.dataset ?? {};
  if (picture !== undefined) button.href = button.closest("figure").querySelector("img").src;
  if (forget) then(() => ask({ do: "forget", name: forget }));
  if (!example) return;
  then(() => {
    tell(`Reading ${example} …`, "busy");
    return ask({ do: "example", name: example });
  });
});
element.addEventListener("submit", (event) => {
  event.preventDefault();
  const { id, dataset } = event.target;
  const call = { do: "enroll", photo: +dataset.photo, face: +dataset.face };
  const name = event.target.elements.name.value;
  then(async () => {
    const answer = await ask({ ...call, name });
    if (!answer?.failed) find(id)?.querySelector("button").focus();
  });
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    element.firstElementChild.classList.toggle("over", kind === "dragover");
    if (kind === "drop") pick([...event.dataTransfer.files]);
  });
}
document.addEventListener("paste", (event) => pick([...event.clipboardData.files]));

// A page that was opened while the models are loaded says so.
then(async () => {
  for (;;) {
    const answer = await ask({ do: "look" });
    if (!answer || answer.ready) break;
    tell("The models are loading. A photo that you drop is read as soon as they are there.", "busy");
    await new Promise((done) => setTimeout(done, 500));
  }
  if (find("told").className === "busy") tell("");
});
// ===
// The live view: a picture of the camera goes to Python, what was read is drawn on that very picture.
const button = element.querySelector("[data-start]");
const status = element.querySelector("[role=status]");
const canvas = element.querySelector("canvas");
const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
const WHY = {
  NotAllowedError: "There is no permission to use the camera.",
  NotFoundError: "There is no camera.",
  NotReadableError: "Another program is using the camera.",
};

function stop(told = "") {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  canvas.hidden = true;
  button.textContent = "Start the camera";
  status.textContent = told;
}

function mark(pen, face, unit) {
  const [x, y, width, height] = face.box;
  pen.lineWidth = 2 * unit;
  for (const [colour, more] of [["white", 2 * unit], ["#029e73", 0]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = 2 * unit + more;
    pen.strokeRect(x, y, width, height);
  }
  for (const [name, [left, top]] of Object.entries(face.keypoints ?? {})) {
    pen.fillStyle = name.startsWith("left") ? "#de8f05" : name.startsWith("right") ? "#0173b2" : "white";
    pen.beginPath();
    pen.arc(left + 0.5, top + 0.5, 2 * unit, 0, 7);
    pen.fill();
  }
  const words = `${face.number} ${face.label}`;
  pen.font = `${14 * unit}px system-ui, sans-serif`;
  const long = pen.measureText(words).width + 8 * unit;
  const tall = 20 * unit;
  const left = Math.max(0, Math.min(x + width / 2 - long / 2, canvas.width - long));
  const top = y >= tall ? y - tall : Math.min(y + height, canvas.height - tall);
  pen.fillStyle = "#005a43";
  pen.fillRect(left, top, long, tall);
  pen.fillStyle = "white";
  pen.fillText(words, left + 4 * unit, top + 15 * unit);
}

async function follow() {
  const frame = document.createElement("canvas");
  const times = [];
  while (video.srcObject) {
    const shrink = Math.min(1, 640 / Math.max(video.videoWidth, video.videoHeight));
    frame.width = Math.round(video.videoWidth * shrink);
    frame.height = Math.round(video.videoHeight * shrink);
    frame.getContext("2d").drawImage(video, 0, 0, frame.width, frame.height);
    const call = { visitor: window.visitor, seconds: performance.now() / 1000 };
    call.frame = frame.toDataURL("image/jpeg", 0.85).split(",")[1];
    const answer = await server.watch(call).catch(() => ({ told: "The server does not answer." }));
    if (!video.srcObject) break;
    if (answer.told) return stop(answer.told);
    [canvas.width, canvas.height, canvas.hidden] = [frame.width, frame.height, false];
    const pen = canvas.getContext("2d");
    pen.drawImage(frame, 0, 0);
    for (const face of answer.faces) mark(pen, face, Math.max(frame.width, frame.height) / 640);
    times.push(performance.now());
    if (times.length > 20) times.shift();
    canvas.dataset.rate = ((times.length - 1) * 1000) / (times.at(-1) - times[0] || 1);
    canvas.dataset.faces = answer.faces.map((face) => `${face.number} ${face.label}`).join("; ");
    if (document.hidden) return stop("Stopped, as the page was not in sight.");
  }
}

button.addEventListener("click", async () => {
  if (video.srcObject) return stop();
  status.textContent = "Waiting for the camera …";
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
    await video.play();
  } catch (error) {
    return stop(WHY[error.name] ?? "This browser gives the camera only to pages of this machine.");
  }
  button.textContent = "Stop the camera";
  status.textContent = "";
  follow();
});
