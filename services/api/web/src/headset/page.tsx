/** How to open this installation in a headset, with the address as a QR code. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../core/api";
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
      <h1>In a headset</h1>
      <p class="lead">Any headset whose browser knows WebXR will do; these steps are for a Meta Quest.</p>
      <div class="two">
        <div class="card">
          <h2>Steps</h2>
          <ol class="steps">
            <li>
              Headsets show WebXR pages over HTTPS only. On the machine that runs the service:
              <pre tabIndex={0} role="region" aria-label="Commands for HTTPS">
                {"./viscera certificate tls\n./viscera serve --host 0.0.0.0 \\\n  --tls-cert tls/viscera.crt --tls-key tls/viscera.key"}
              </pre>
            </li>
            <li>Put the headset into the same network, open its Browser and enter the address on the right. The Quest's camera reads the QR code: look at it and choose the link.</li>
            <li>
              The certificate is your own, so the browser warns once: choose <em>Advanced</em>, then <em>Proceed</em>. Compare the fingerprint that the command printed if you want to be sure.
            </li>
            <li>Sign in. Easier: open a result here, choose Share, and let the headset read that QR code. It opens that one result and needs no key.</li>
            <li>
              Choose <strong>Enter VR</strong>, or <strong>Enter AR</strong> to see the organs in your room.
            </li>
          </ol>
        </div>
        <div class="card">
          <h2>Address</h2>
          {address && (
            <>
              <p>
                <code>{address}</code>
              </p>
              {local && <p class="problem">This address is known on this machine only: serve with <code>--host 0.0.0.0</code>.</p>}
              {!local && !secure && <p class="problem">This address is not HTTPS: the page opens, but not the headset view.</p>}
              <QrCode text={address} label={`QR code of ${address}`} />
            </>
          )}
        </div>
        <div class="card">
          <h2>What your hands do</h2>
          <dl class="facts">
            <dt>Point</dt>
            <dd>reads an organ's name and volume</dd>
            <dt>Short press or pinch</dt>
            <dd>hides the organ you point at; the board brings it back</dd>
            <dt>Hold</dt>
            <dd>takes the organs into your hand</dd>
            <dt>Hold with both</dt>
            <dd>scales and turns them</dd>
            <dt>Ball on the clip plane</dt>
            <dd>moves the cut</dd>
            <dt>Board</dt>
            <dd>organs, slice, clip plane, "back in front of me", leave</dd>
          </dl>
        </div>
      </div>
    </section>
  );
}
