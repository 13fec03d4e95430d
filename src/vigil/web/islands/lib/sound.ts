// A local sound for a lost display. Browsers allow sound only after a tap; until then the page says that it is off.

class Sound {
  private context: AudioContext | undefined;
  private timer: number | undefined;
  private wants = false;

  /** Shows the button that arms the sound, and arms it at the first tap anywhere. */
  offer(): void {
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-sound]")) button.hidden = false;
    document.addEventListener("pointerdown", () => this.arm(), { once: true });
    document.addEventListener("keydown", () => this.arm(), { once: true });
  }

  private arm(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-sound]")) button.textContent = "Sound on";
    if (this.wants) this.start();
  }

  /** Three short tones, again and again, until stopped. */
  start(): void {
    this.wants = true;
    if (!this.context || this.timer !== undefined) return;
    this.burst();
    this.timer = window.setInterval(() => this.burst(), 2500);
  }

  stop(): void {
    this.wants = false;
    window.clearInterval(this.timer);
    this.timer = undefined;
  }

  private burst(): void {
    const context = this.context;
    if (!context) return;
    for (const [index, hertz] of [660, 660, 520].entries()) {
      const tone = context.createOscillator();
      const loudness = context.createGain();
      const begin = context.currentTime + index * 0.28;
      tone.frequency.value = hertz;
      loudness.gain.setValueAtTime(0.0001, begin);
      loudness.gain.exponentialRampToValueAtTime(0.25, begin + 0.03);
      loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.2);
      tone.connect(loudness).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 0.22);
    }
  }
}

export const sound = new Sound();
