// One tap in the mail is the answer "I will wait": where scripts run, the page's only button is pressed for the shopper.
// Mail scanners fetch links, and some run scripts: every choice that changes what we do next waits for a finger.
const form = document.getElementById("answer");
if (form && form.dataset.atOnce === "yes" && document.visibilityState === "visible") form.requestSubmit();
