/** Go's own loader, which the build copies here from the compiler's folder. It defines globalThis.Go. */
declare global {
  class Go {
    readonly importObject: WebAssembly.Imports
    /** Runs the program; resolves when it has ended. */
    run(instance: WebAssembly.Instance): Promise<void>
  }
}
export {}
