// The furniture of every page: the font, running clocks, and forms that send once.
// In: the served page. Out: nothing but what it shows; a page without this script still works.
import "./base.css";
import { startClocks } from "./lib/clocks";
import { openDialogs } from "./lib/dialogs";
import { offerPrint, sendOnce } from "./lib/forms";

startClocks(document);
sendOnce(document);
openDialogs(document);
offerPrint(document);
