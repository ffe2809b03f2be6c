import { createRoot } from 'react-dom/client';
import { Gallery } from './Gallery';
import '../../src/styles.css';
import '../styles/index.css';
import './gallery.css';

createRoot(document.getElementById('root')!).render(<Gallery />);
