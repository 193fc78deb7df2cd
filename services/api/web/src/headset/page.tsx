/** How to open this installation in a headset, with the address as a QR code. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../core/api";
import { t } from "../core/language";
import { QrCode } from "./qr";

export function Headset() {
  const [address, setAddress] = useState("");
  useEffect(() => {
    api.page().then(
      (page) => setAddress(page.public_url ?? document.baseURI),
      () => setAddress(document.baseURI),
    );
  }, []);
  const local = /^https?:\/\/(localhost|127\.|\[::1\])/.test(address);
  const secure = address.startsWith("https:");
  return (
    <section>
      <h1>{t("In a headset")}</h1>
      <p class="lead">{t("Any headset whose browser has WebXR will do; these steps are for a Meta Quest.")}</p>
      <div class="headset">
        <div class="card">
          <h2>{t("Steps")}</h2>
          <ol class="steps">
            <li>
              {t("Headsets show WebXR pages over HTTPS only. On the machine that runs the service:")}
              <pre tabIndex={0} role="region" aria-label={t("Commands for HTTPS")}>
                {"./viscera certificate tls\n./viscera serve --host 0.0.0.0 \\\n  --tls-cert tls/viscera.crt \\\n  --tls-key tls/viscera.key"}
              </pre>
            </li>
            <li>{t("Put the headset into the same network, open its browser and enter the address of this page. The Quest's camera reads the QR code: look at it and choose the link.")}</li>
            <li>
              {t("The certificate is your own, so the browser warns once: choose Advanced, then Proceed. Compare the fingerprint that the command printed if you want to be sure.")}
            </li>
            <li>{t("Sign in. Easier: open a result here, choose Share, and let the headset read that QR code. It opens that one result and needs no key.")}</li>
            <li>
              {t("Choose Enter VR, or Enter AR to see the organs in your room.")}
            </li>
          </ol>
        </div>
        <div class="card">
          <h2>{t("Address")}</h2>
          {address && (
            <>
              <p>
                <code>{address}</code>
              </p>
              {local && <p class="problem">{t("This address is known on this machine only: serve with")} <code>--host 0.0.0.0</code>.</p>}
              {!local && !secure && <p class="problem">{t("This address is not HTTPS: the page opens, but not the headset view.")}</p>}
              <QrCode text={address} label={t("QR code of {address}", { address })} />
            </>
          )}
        </div>
        <div class="card">
          <h2>{t("What your hands do")}</h2>
          <dl class="facts">
            <dt>{t("Point")}</dt>
            <dd>{t("reads an organ's name and volume")}</dd>
            <dt>{t("Short press or pinch")}</dt>
            <dd>{t("hides the organ you point at; the board brings it back")}</dd>
            <dt>{t("Hold")}</dt>
            <dd>{t("takes the organs into your hand")}</dd>
            <dt>{t("Hold with both")}</dt>
            <dd>{t("scales and turns them")}</dd>
            <dt>{t("Balls")}</dt>
            <dd>{t("taken in a hand, the blue one moves the cut, the yellow one the slice")}</dd>
            <dt>{t("Thumbstick, up or down")}</dt>
            <dd>{t("goes to the next slice")}</dd>
            <dt>{t("Thumbstick, left or right")}</dt>
            <dd>{t("turns you by 30 degrees, in VR")}</dd>
            <dt>{t("Measure, on the board")}</dt>
            <dd>{t("then two short presses on organs give a length")}</dd>
            <dt>{t("Back in front of me")}</dt>
            <dd>{t("brings the organs to your chest, at life size; also after you sat down")}</dd>
          </dl>
        </div>
      </div>
    </section>
  );
}
