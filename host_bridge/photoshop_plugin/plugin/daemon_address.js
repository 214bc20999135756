// Where the daemon's gateway listens; `retouch install photoshop` writes another one where it must.
globalThis.RETOUCH_ADDRESS = "127.0.0.1:7862";
