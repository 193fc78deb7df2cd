/** Small parts that several pages use. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Warning } from "../core/types";

export function Problems({ text }: { text: string }) {
  return (
    <div role="alert" class={text ? "problem" : ""}>
      {text}
    </div>
  );
}

export function Warnings({ items }: { items: readonly Warning[] }) {
  if (items.length === 0) return null;
  return (
    <ul class="warnings" aria-label="What to mind">
      {items.map((item) => (
        <li key={item.code}>{item.detail}</li>
      ))}
    </ul>
  );
}

export function Bar({ value, label }: { value: number; label: string }) {
  return <progress max={1} value={value} aria-label={label} />;
}

export function Spinner({ text }: { text: string }) {
  return (
    <p class="waiting">
      <span class="spinner" aria-hidden="true" />
      {text}
    </p>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} aria-label={title} onClose={onClose}>
      <header class="dialog-head">
        <h2>{title}</h2>
        <button type="button" class="quiet" onClick={onClose} aria-label="Close">
          ✕
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  onYes: () => void;
  onClose: () => void;
}

export function Confirm({ title, text, action, onYes, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div class="row end">
        <button type="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" class="danger" onClick={onYes}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
