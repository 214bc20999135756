import { render } from "preact";
import "./style/tokens.css";
import "./style/base.css";
import "./style/controls.css";
import "./style/workspace.css";
import "./style/stage.css";
import "./style/panel.css";
import "./style/results.css";
import { pairing, pair } from "./pairing/pairing.ts";
import { PairingPage } from "./pairing/PairingPage.tsx";
import { App } from "./shell/App.tsx";
import { keepTheme } from "./shell/theme.ts";

function Page() {
  if (pairing.value === "paired") return <App />;
  return <PairingPage />;
}

keepTheme();
const root = document.getElementById("studio");
if (root) render(<Page />, root);
void pair();
