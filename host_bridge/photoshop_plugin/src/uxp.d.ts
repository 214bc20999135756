/** What the panel uses of UXP; Adobe's own types of `entrypoints.setup` say arrays for objects. */
declare module "uxp" {
  interface PanelHandlers {
    create?(root: HTMLElement): void;
    show?(root: HTMLElement): void;
    destroy?(root: HTMLElement): void;
  }
  interface File {
    readonly name: string;
    read(options: { format: symbol }): Promise<ArrayBuffer>;
  }
  export const entrypoints: { setup(given: { panels: Record<string, PanelHandlers> }): void };
  export const storage: {
    /** A cache: what is in it may be lost. Throws where the value cannot be read. */
    secureStorage: {
      getItem(key: string): Promise<Uint8Array | null>;
      setItem(key: string, value: string): Promise<void>;
      removeItem(key: string): Promise<void>;
    };
    localFileSystem: {
      getFileForOpening(options: {
        types?: string[];
        allowMultiple?: boolean;
      }): Promise<File | File[] | null>;
    };
    formats: { binary: symbol };
  };
}
