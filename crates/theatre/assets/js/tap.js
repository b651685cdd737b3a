// Runs beside the page's sound: hands on what the microphone hears, an eighth of a second at a time.

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.heard = new Float32Array(Math.ceil(sampleRate / 8));
    this.filled = 0;
  }

  process([[channel]]) {
    for (const sample of channel ?? []) {
      this.heard[this.filled++] = sample;
      if (this.filled === this.heard.length) {
        this.port.postMessage(this.heard.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("tap", Tap);
