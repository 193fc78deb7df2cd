/** Small parts that several pages use. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../core/language";
import type { Warning } from "../core/types";
import { Icon, type IconName } from "./icon";

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
    <ul class="warnings" aria-label={t("Warnings")}>
      {items.map((item) => (
        <li key={item.code}>
          <Icon name="warning" size={16} />
          <span>{item.detail}</span>
        </li>
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

interface ToolProps {
  icon: IconName;
  /** What the button does; also its tooltip. */
  title: string;
  /** The key that does the same, shown in the tooltip. */
  keys?: string;
  pressed?: boolean;
  disabled?: boolean;
  danger?: boolean;
  onClick: () => void;
}

export function Tool({ icon, title, keys, pressed, disabled, danger, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class={danger ? "tool danger" : "tool"}
      aria-label={title}
      aria-pressed={pressed}
      aria-keyshortcuts={keys}
      data-tip={keys ? `${title}  ${keys}` : title}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

interface MenuProps {
  icon: IconName;
  title: string;
  /** Whether what it controls is on. */
  pressed?: boolean;
  disabled?: boolean;
  children: (close: () => void) => ComponentChildren;
}

/** A button that opens a small panel; Escape and a press elsewhere close it. */
export function Menu({ icon, title, pressed = false, disabled, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = (): void => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    const away = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    const element = root.current;
    document.addEventListener("pointerdown", away);
    element?.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", away);
      element?.removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class={pressed ? "tool on" : "tool"}
        aria-label={title}
        aria-expanded={open}
        aria-controls={id}
        data-tip={open ? undefined : title}
        disabled={disabled}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
      </button>
      <div class="menu-panel" id={id} role="group" aria-label={title} hidden={!open}>
        {open && children(close)}
      </div>
    </div>
  );
}

interface ItemProps {
  title: string;
  keys?: string;
  chosen?: boolean;
  onClick: () => void;
}

export function MenuItem({ title, keys, chosen, onClick }: ItemProps) {
  return (
    <button type="button" class="menu-item" aria-pressed={chosen} onClick={onClick}>
      <span>{title}</span>
      {keys && <kbd>{keys}</kbd>}
    </button>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  items: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few values, all of them in sight. */
export function Segments<T extends string>({ label, items, value, onChange }: SegmentsProps<T>) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {items.map(([name, title]) => (
        <button key={name} type="button" aria-pressed={name === value} onClick={() => onChange(name)}>
          {title}
        </button>
      ))}
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const isShown = useRef(true);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => {
      isShown.current = false;
      dialog?.close();
    };
  }, []);
  return (
    // The browser says later that a dialog closed; by then a key may have opened another one, which that must not close.
    <dialog ref={element} aria-label={title} onClose={() => isShown.current && onClose()}>
      <header class="dialog-head">
        <h2>{title}</h2>
        <Tool icon="close" title={t("Close")} onClick={onClose} />
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
          {t("Keep it")}
        </button>
        <button type="button" class="danger solid" onClick={onYes}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
